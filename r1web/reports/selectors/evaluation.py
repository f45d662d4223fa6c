"""What was measured on held-out problems, with intervals."""

from collections.abc import Iterator
from typing import Any

from r1web.reports.document import Block, Cell, Paragraph, Result, Section, Table
from r1web.reports.numbers import interval, share
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import Facts
from r1web.runs.models import Event
from r1web.runs.selectors.results import MEASURES, number_of
from r1web.runs.stage_schemas import ColumnOut, ResultsOut, ScoreOut

MEASURE_NAMES = {"pass_at_1": "pass@1", "pass_at_k": "pass@k", "cons_at_k": "cons@k"}


def section(facts: Facts) -> Section:
    blocks: list[Block] = [_models(facts, results) for results in facts.stages.results]
    final = final_evaluation(facts)
    if final is not None:
        blocks.append(_final(facts, final))
    if not blocks:
        blocks.append(Paragraph("This run was not evaluated on held-out problems."))
    return Section("Evaluation", blocks)


def final_evaluation(facts: Facts) -> Event | None:
    """The last one of the run's own policy."""
    own = [event for event in facts.evaluations if event.payload.get("model") is None]
    return own[-1] if own else None


def results(facts: Facts) -> Iterator[Result]:
    """Of the last evaluation, for a model card's front matter."""
    final = final_evaluation(facts)
    for series, name, measure in _measured(final.payload["values"]) if final else ():
        value = number_of(final.payload["values"][series]) if final else None
        if value is not None:
            yield Result(name, measure, value)


def _final(facts: Facts, event: Event) -> Table:
    payload = event.payload
    rows = []
    for series, name, measure in _measured(payload["values"]):
        values = [number_of(payload["values"].get(series + end)) for end in ("", "_low", "_high")]
        href = addresses.data(facts.run.pk, "metrics", "", names=series).href
        value = Cell("not a number" if values[0] is None else share(values[0]), href=href)
        rows.append([Cell(name), Cell(measure), value, Cell(interval(values[1], values[2]))])
    return Table(
        title=f"Last evaluation, at step {event.step:,}",
        columns=["Problems", "Measure", "Value", "95 % interval"],
        rows=rows,
        sources=[addresses.event(facts.run.pk, event.seq)],
        note=f"{payload['problems']} problems of the run's own task, "
        f"{payload['completions_per_problem']} completions each. Intervals are Wilson's; problems "
        "are the unit.",
    )


def _measured(values: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Series, set and measure of what an evaluation tells."""
    for series in values:
        _, *name, measure = series.split("/")
        if series.startswith("eval/") and measure in MEASURES:
            yield series, "/".join(name) or "own task", MEASURE_NAMES[measure]


def _models(facts: Facts, results: ResultsOut) -> Block:
    if not results.columns:
        return Paragraph(f"Stage {results.stage} has not evaluated any model yet.")
    rows = [[Cell(row.label), *(_score(score) for score in row.scores)] for row in results.rows]
    told = [event for event in facts.evaluations if event.payload.get("stage") == results.stage]
    return Table(
        title=f"Models by evaluations, stage {results.stage}",
        columns=["Model", *(_head(column) for column in results.columns)],
        rows=rows,
        sources=[addresses.data(facts.run.pk, "stages", "stages")]
        + [addresses.event(facts.run.pk, event.seq, f"event {event.seq}") for event in told],
        note="95 % intervals.",
    )


def _head(column: ColumnOut) -> str:
    measure = MEASURE_NAMES[column.measure].replace("@k", f"@{column.k}")
    return f"{column.set or 'own task'} {measure}"


def _score(score: ScoreOut | None) -> Cell:
    if score is None:
        return Cell("not measured")
    return Cell(share(score.value), interval(score.low, score.high))
