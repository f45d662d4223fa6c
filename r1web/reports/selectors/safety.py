"""What the run has measured of its safety."""

from r1web.reports.document import Cell, Paragraph, Section, Table
from r1web.reports.numbers import interval, number
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import Facts
from r1web.runs.selectors.results import number_of

SAFETY = "eval/safety/"
BOUND = ("_low", "_high")


def section(facts: Facts) -> Section:
    told = {
        name: number_of(value)
        for name, value in facts.run.summary.items()
        if name.startswith(SAFETY)
    }
    rows = [
        [
            Cell(
                name.removeprefix(SAFETY),
                href=addresses.data(facts.run.pk, "metrics", "", names=name).href,
            ),
            Cell(number(value) if value is not None else "not a number"),
            Cell(interval(told.get(f"{name}_low"), told.get(f"{name}_high"))),
        ]
        for name, value in sorted(told.items())
        if not name.endswith(BOUND)
    ]
    if not rows:
        said = "Safety was not measured in this run: nothing is known of what it says when misused."
        return Section("Safety", [Paragraph(said)])
    source = addresses.series(facts.run.pk, [f"{SAFETY}*"])
    columns = ["Measure", "Newest value", "95 % interval"]
    return Section("Safety", [Table("Safety", columns, rows, source)])
