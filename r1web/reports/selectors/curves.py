"""Curves, drawn from as many points as paper shows."""

from r1web.reports.document import Block, Curve, Figure, Paragraph, Section
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import BOUNDS, CURVES, Facts


def section(facts: Facts) -> Section:
    blocks: list[Block] = [_figure(facts, name) for name in CURVES if name in facts.series]
    missing = [CURVES[name][0] for name in CURVES if name not in facts.series]
    if missing:
        blocks.append(Paragraph(f"Not recorded in this run: {'; '.join(missing)}."))
    return Section("Curves", blocks)


def _figure(facts: Facts, name: str) -> Figure:
    title, unit = CURVES[name]
    columns = facts.series[name]
    banded = name == "eval/pass_at_1" and all(bound in facts.series for bound in BOUNDS)
    low, high = (facts.series[bound].values.tolist() if banded else [] for bound in BOUNDS)
    whole = len(low) == len(high) == len(columns.steps)
    names = [name, *(BOUNDS if banded else ())]
    points = f"{columns.total:,} points" + ("" if columns.exact else ", means of buckets of steps")
    return Figure(
        title=title,
        unit=unit,
        curve=Curve(
            name,
            columns.steps.tolist(),
            columns.values.tolist(),
            low if whole else [],
            high if whole else [],
        ),
        sources=addresses.series(facts.run.pk, names),
        note=f"{name}, {points}",
    )
