"""GET /runs/{id}/metrics: the curves of a run, as columns."""

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Field, Query, Router
from pydantic import BaseModel
from pydantic_core import to_json

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.metrics.selectors import Columns, SeriesColumns, read_metrics
from r1web.metrics.wire import Value, wire_values
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
    times: list[float] = Field(description="Unix time in seconds; of buckets to the millisecond.")
    values: list[Value] = Field(description="Of buckets the mean of their finite values.")
    min: list[Value] = Field(description="Least value in the bucket.")
    max: list[Value] = Field(description="Greatest value in the bucket.")
    last: list[Value] = Field(description="Last value in the bucket.")
    counts: list[int] | None = Field(description="Points in each bucket; null: each is a point.")
    not_finite: list[int] | None = Field(description="How many of them are NaN or infinite.")
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
    values = wire_values(columns.values)
    return {
        "name": series.name,
        **_axes(columns),
        "values": values,
        "min": values if columns.exact else wire_values(columns.low),
        "max": values if columns.exact else wire_values(columns.high),
        "last": values if columns.exact else wire_values(columns.last),
        "counts": None if columns.exact else columns.counts.tolist(),
        "not_finite": None if columns.exact else columns.odd.tolist(),
        "shown": len(columns.steps),
        "total": columns.total,
        "superseded": [
            {"attempt": number, **_axes(old), "values": wire_values(old.values)}
            for number, old in series.superseded
        ],
    }


def _axes(columns: Columns) -> dict[str, list[Any]]:
    times = columns.times if columns.exact else columns.times.round(3)
    return {"steps": columns.steps.tolist(), "times": times.tolist()}
