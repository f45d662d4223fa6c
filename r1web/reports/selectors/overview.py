"""The run in a few lines."""

from r1web.reports.document import Section, Table, cells
from r1web.reports.numbers import interval, number, share
from r1web.reports.selectors import addresses
from r1web.reports.selectors.evaluation import final_evaluation
from r1web.reports.selectors.facts import BOUNDS, Facts
from r1web.runs.selectors.results import number_of


def section(facts: Facts) -> Section:
    run = facts.run
    final = final_evaluation(facts)
    values = final.payload["values"] if final else {}
    score, low, high = (number_of(values.get(name)) for name in ("eval/pass_at_1", *BOUNDS))
    reward = number_of(run.summary.get("reward/mean"))
    hours = sum(each.device_hours for each in facts.ledger.totals)
    rows = [
        cells("State", f"{run.state}, step {run.last_step:,} of {run.total_steps:,}"),
        cells("Last mean reward", number(reward)),
        cells("Last held-out pass@1", "not measured" if score is None else share(score)),
        cells("Its 95 % interval", interval(low, high)),
        cells("Device-hours", number(hours)),
        cells("Created by", run.owner.username),
        cells("Created", f"{run.created_at:%Y-%m-%d %H:%M} UTC"),
        cells("Ended", f"{run.ended_at:%Y-%m-%d %H:%M} UTC" if run.ended_at else "not yet"),
    ]
    source = [addresses.page(run.pk), addresses.shared(f"runs/{run.pk}", "JSON")]
    return Section("Summary", [Table("The run", ["", ""], rows, source)])
