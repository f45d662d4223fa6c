"""What was booked, summed up for those who may see it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from r1web.accounts.models import Project
from r1web.ledger.models import Booking, Meter
from r1web.ledger.moments import moment_of
from r1web.ledger.schemas import EntryOut, LedgerOut, ProjectLedgerOut, RunSumOut, SumOut
from r1web.ledger.selectors.pricing import HOUR_MS, priced, sums
from r1web.runs.models import Run

MJ_PER_KWH = 3_600_000_000
MOST_RUNS = 200


def run_ledger(run: Run) -> LedgerOut:
    entries = _entries(Booking.objects.filter(run=run))
    return LedgerOut(
        entries=entries,
        totals=totals(entries),
        co2_g_per_kwh=settings.R1WEB_CO2_G_PER_KWH,
        booked_until=_booked_until(run),
    )


def project_ledger(project: Project, since: date | None, until: date | None) -> ProjectLedgerOut:
    """Of all its runs, deleted ones too, over whole UTC days; both of these belong to it."""
    bookings = Booking.objects.filter(run__project=project)
    if since is not None:
        bookings = bookings.filter(day__gte=since)
    if until is not None:
        bookings = bookings.filter(day__lte=until)
    entries = _entries(bookings)
    runs = _by_run(bookings)
    return ProjectLedgerOut(
        entries=entries,
        totals=totals(entries),
        co2_g_per_kwh=settings.R1WEB_CO2_G_PER_KWH,
        booked_until=None,
        runs=runs[:MOST_RUNS],
        runs_left_out=max(0, len(runs) - MOST_RUNS),
    )


def totals(entries: Sequence[SumOut]) -> list[SumOut]:
    """One for each currency, by its name; those of what cost nothing are in one that is there."""
    found = []
    for currency in sorted({entry.currency for entry in entries}):
        of = [entry for entry in entries if entry.currency == currency]
        found.append(
            _sum(
                {
                    "currency": currency,
                    "ms": sum(entry.device_ms for entry in of),
                    "micros": sum(entry.micros for entry in of),
                    "energy_mj": sum(entry.energy_mj for entry in of),
                    "energy_estimated": any(entry.energy_estimated for entry in of),
                }
            )
        )
    return found


def _entries(bookings: QuerySet[Booking]) -> list[EntryOut]:
    by = ("stage", "phase", "device_model", "currency")
    rows = priced(bookings).values(*by).annotate(**sums()).order_by(*by)
    return [
        EntryOut(
            stage=row["stage"],
            phase=row["phase"],
            device_model=row["device_model"],
            **_sum(_with_energy(row)).model_dump(),
        )
        for row in rows
        if row["ms"]
    ]


def _by_run(bookings: QuerySet[Booking]) -> list[RunSumOut]:
    rows = priced(bookings).values("run", "currency").annotate(**sums()).order_by("-ms", "run")
    found = list(rows)
    present = Run.objects.filter(pk__in=[row["run"] for row in found[:MOST_RUNS]], deleted_at=None)
    names = dict(present.values_list("pk", "name"))
    return [
        RunSumOut(
            run=row["run"],
            name=names.get(row["run"]),
            **_sum(_with_energy(row)).model_dump(),
        )
        for row in found
    ]


def _with_energy(row: Mapping[str, Any]) -> dict[str, Any]:
    energy = row["measured"] + row["estimated"]
    return {**row, "energy_mj": energy, "energy_estimated": row["estimated"] > 0}


def _sum(row: Mapping[str, Any]) -> SumOut:
    return SumOut(
        device_ms=row["ms"],
        device_hours=row["ms"] / HOUR_MS,
        currency=row["currency"],
        micros=row["micros"],
        energy_mj=row["energy_mj"],
        energy_estimated=row["energy_estimated"],
        co2_g=row["energy_mj"] * settings.R1WEB_CO2_G_PER_KWH / MJ_PER_KWH,
    )


def _booked_until(run: Run) -> datetime | None:
    meter = Meter.objects.filter(run=run).order_by("-attempt__number").first()
    return moment_of(meter.reading["until_ms"]) if meter and meter.holds else None
