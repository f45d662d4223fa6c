"""Device time, money, energy and waste, from the ledger, with the published account beside them."""

from collections.abc import Callable, Iterable

from r1web.ledger.models import Phase
from r1web.ledger.reference import PUBLISHED
from r1web.ledger.schemas import EntryOut, SumOut
from r1web.ledger.selectors.ledgers import MJ_PER_KWH, totals
from r1web.reports.document import Block, Cell, Paragraph, Section, Table, cells
from r1web.reports.numbers import number
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import Facts

COLUMNS = ["Device-hours", "Cost", "Energy", "CO₂"]
ACCOUNT = "DeepSeek-R1"


def section(facts: Facts) -> Section:
    if not facts.ledger.entries:
        nothing = Paragraph("Nothing is booked for this run: it has held no devices yet.")
        return Section("Cost and energy", [nothing, _published()])
    blocks: list[Block] = [
        _by(facts, "By stage", "Stage", lambda entry: entry.stage),
        _by(facts, "By phase", "Phase", lambda entry: str(entry.phase)),
        _by(facts, "By device", "Device", lambda entry: entry.device_model),
        Paragraph(_assumptions(facts)),
        _published(),
    ]
    return Section("Cost and energy", blocks)


def wasted(facts: Facts) -> float:
    """The share of device time of which nothing is left."""
    every = sum(entry.device_ms for entry in facts.ledger.entries)
    lost = sum(entry.device_ms for entry in facts.ledger.entries if entry.phase == Phase.WASTE)
    return lost / every if every else 0.0


def _by(facts: Facts, title: str, head: str, key: Callable[[EntryOut], str]) -> Table:
    names = dict.fromkeys(key(entry) for entry in facts.ledger.entries)
    rows = [
        _row(name, [each for each in facts.ledger.entries if key(each) == name]) for name in names
    ]
    return Table(
        title=title,
        columns=[head, *COLUMNS],
        rows=[*rows, _row("Together", facts.ledger.entries)],
        sources=[addresses.data(facts.run.pk, "ledger", "ledger")],
    )


def _row(name: str, entries: Iterable[EntryOut]) -> list[Cell]:
    found = totals(list(entries))
    energy = sum(each.energy_mj for each in found) / MJ_PER_KWH
    co2 = sum(each.co2_g for each in found)
    mark = "estimated" if any(each.energy_estimated for each in found) else "measured"
    return [
        Cell(name),
        Cell(number(sum(each.device_hours for each in found))),
        Cell(" + ".join(_money(each) for each in found)),
        Cell(f"{number(energy)} kWh", mark),
        Cell(f"{number(co2)} g", mark),
    ]


def _money(of: SumOut) -> str:
    return f"{of.micros / 1_000_000:,.2f} {of.currency}"


def _assumptions(facts: Facts) -> str:
    return (
        "Cost is the price book's for each device model and day, else the node's own price; 0.00 "
        "where neither is set. Energy that is marked as estimated is, at least in part, the power "
        "that the device is built for, times the time. CO₂ is energy times "
        f"{facts.ledger.co2_g_per_kwh} g/kWh. Machines and cooling besides the devices are not in "
        "it. Waste is work of which nothing is left: its steps were lost, or done once more."
    )


def _published() -> Table:
    rows = [
        cells(each.part, f"{each.gpu_hours:,}", f"{each.usd:,} USD")
        for each in PUBLISHED
        if each.account == ACCOUNT
    ]
    source = next(each.source for each in PUBLISHED if each.account == ACCOUNT)
    return Table(
        title="For comparison: the published account of DeepSeek-R1",
        columns=["Part", "GPU-hours (H800)", "Cost"],
        rows=rows,
        sources=[addresses.shared("ledger/reference", "reference")],
        note=source,
    )
