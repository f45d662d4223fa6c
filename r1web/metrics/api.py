"""GET /runs/{id}/metrics: the curves of a run, as columns."""

import math
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Field, Query, Router
from pydantic import BaseModel
from pydantic_core import to_json

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.metrics.selectors import Columns, SeriesColumns, read_metrics
from r1web.metrics.wire import Value, wire_value
from r1web.runs.selectors import visible_run

router = Router(tags=["metrics"])


class SupersededOut(BaseModel):
    """Points that a later attempt replaced; drawn faintly."""

    attempt: int = Field(description="Number of the attempt that made them.")
    steps: list[int]
    times: list[float]
    values: list[Value]


class SeriesOut(BaseModel):
    """One curve. Where points are many, `values` are means of buckets of steps."""

    name: str
    steps: list[int]
    times: list[float] = Field(description="Unix time in seconds.")
    values: list[Value]
    min: list[Value] = Field(description="Least value in the bucket.")
    max: list[Value] = Field(description="Greatest value in the bucket.")
    shown: int = Field(description="Points in this answer.")
    total: int = Field(description="Points they stand for.")
    superseded: list[SupersededOut]


class MetricsOut(BaseModel):
    last_seq: int = Field(description="Events up to this one are in these numbers, later ones not.")
    series: list[SeriesOut]


@router.get(
    "/runs/{int:run_id}/metrics",
    response={200: MetricsOut, ERRORS: ProblemOut},
    summary="Curves of a run",
)
def get_metrics(
    request: ApiRequest,
    run_id: int,
    *,
    names: Annotated[
        str, Query(description="Comma-separated; `reward/*` is a prefix. Empty: all of them.")
    ] = "",
    from_step: Annotated[int | None, Query(ge=0)] = None,
    to_step: Annotated[int | None, Query(ge=0)] = None,
    max_points: Annotated[int, Query(ge=2, le=10_000, description="Most points a series.")] = 1000,
) -> HttpResponse:
    """Exact points while a series has at most `max_points` of them, else buckets of steps."""
    run = visible_run(request.user, run_id)
    metrics = read_metrics(
        run_id=run.pk,
        names=[name.strip() for name in names.split(",") if name.strip()],
        from_step=from_step,
        to_step=to_step,
        max_points=max_points,
    )
    series = [_series_out(series) for series in metrics.series]
    # Not by way of MetricsOut: to look at each of 100,000 numbers again takes most of a second.
    body = to_json({"last_seq": metrics.last_seq, "series": series})
    return HttpResponse(body, content_type="application/json; charset=utf-8")


def _series_out(series: SeriesColumns) -> dict[str, Any]:
    columns = series.columns
    exact = columns.low is columns.values
    values = wire_values(columns.values)
    return {
        "name": series.name,
        "steps": columns.steps,
        "times": columns.times,
        "values": values,
        "min": values if exact else wire_values(columns.low),
        "max": values if exact else wire_values(columns.high),
        "shown": len(columns.steps),
        "total": columns.total,
        "superseded": [_superseded_out(number, old) for number, old in series.superseded],
    }


def _superseded_out(number: int, columns: Columns) -> dict[str, Any]:
    return {
        "attempt": number,
        "steps": columns.steps,
        "times": columns.times,
        "values": wire_values(columns.values),
    }


def wire_values(values: list[float | None]) -> list[Value]:
    return [
        value if value is not None and math.isfinite(value) else wire_value(value)
        for value in values
    ]
