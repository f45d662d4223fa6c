"""Tables of what stages that evaluate have found: models by evaluations, as the paper prints it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1web.runs.models import Event
from r1web.runs.selectors.paths import run_of_path
from r1web.runs.stage_schemas import ColumnOut, ResultOut, ResultsOut, ScoreOut
from training.config import EvaluateStageConfig, RunConfig
from training.config.schema.stages import is_outside

MEASURES = ("pass_at_1", "pass_at_k", "cons_at_k")


def results_of(config: RunConfig, evaluations: Sequence[Event]) -> list[ResultsOut]:
    """One for each stage that evaluates; rows are those of the config, and there from the start."""
    return [
        _table(name, stage, [event for event in evaluations if event.payload.get("stage") == name])
        for name in config.pipeline
        if isinstance(stage := config.stages[name], EvaluateStageConfig)
    ]


def _table(name: str, stage: EvaluateStageConfig, events: Sequence[Event]) -> ResultsOut:
    newest = {event.payload["model"]: event.payload for event in events}
    told = {key for payload in newest.values() for key in payload["values"]}
    columns = [column for column in _columns(stage) if _series(column) in told]
    rows = [_row(model, newest.get(model), columns) for model in stage.models]
    return ResultsOut(stage=name, columns=columns, rows=rows)


def _columns(stage: EvaluateStageConfig) -> list[ColumnOut]:
    sets = ["", *(one.name for one in stage.evaluation.sets)]
    at_k = stage.evaluation.at_k
    return [ColumnOut(set=one, measure=measure, k=at_k) for one in sets for measure in MEASURES]


def _series(column: ColumnOut) -> str:
    return f"eval/{column.set}/{column.measure}" if column.set else f"eval/{column.measure}"


def _row(model: str, payload: Mapping[str, Any] | None, columns: Sequence[ColumnOut]) -> ResultOut:
    values = payload["values"] if payload else {}
    return ResultOut(
        model=model,
        label=_label(model),
        problems=payload["problems"] if payload else None,
        completions_per_problem=payload["completions_per_problem"] if payload else None,
        scores=[score_of(values, _series(column)) for column in columns],
    )


def _label(model: str) -> str:
    """Of a directory of some run, its number and what it is there."""
    if not is_outside(model):
        return model
    run = run_of_path(model)
    return f"#{run} · {Path(model).name}" if run else Path(model).name


def score_of(values: Mapping[str, Any], name: str) -> ScoreOut | None:
    """A measure with its interval; None where it was not told, or is no number."""
    value = number_of(values.get(name))
    if value is None:
        return None
    low, high = number_of(values.get(f"{name}_low")), number_of(values.get(f"{name}_high"))
    return ScoreOut(value=value, low=low, high=high)


def number_of(told: object) -> float | None:
    """NaN and infinities, which events have as words, are none."""
    return float(told) if isinstance(told, int | float) and math.isfinite(told) else None
