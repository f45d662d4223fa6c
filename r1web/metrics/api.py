"""GET /runs/{id}/metrics: the curves of a run, as columns."""

from typing import Annotated

from ninja import Field, Query, Router, Schema

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.metrics.selectors import Columns, SeriesColumns, read_metrics
from r1web.metrics.wire import Value, wire_value
from r1web.runs.selectors import visible_run

router = Router(tags=["metrics"])


class SupersededOut(Schema):
    """Points that a later attempt replaced; drawn faintly."""

    attempt: int = Field(description="Number of the attempt that made them.")
    steps: list[int]
    times: list[float]
    values: list[Value]


class SeriesOut(Schema):
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


class MetricsOut(Schema):
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
) -> MetricsOut:
    """Exact points while a series has at most `max_points` of them, else buckets of steps."""
    run = visible_run(request.user, run_id)
    metrics = read_metrics(
        run_id=run.pk,
        names=[name.strip() for name in names.split(",") if name.strip()],
        from_step=from_step,
        to_step=to_step,
        max_points=max_points,
    )
    return MetricsOut(
        last_seq=metrics.last_seq, series=[_series_out(series) for series in metrics.series]
    )


def _series_out(series: SeriesColumns) -> SeriesOut:
    columns = series.columns
    return SeriesOut(
        name=series.name,
        steps=columns.steps,
        times=columns.times,
        values=wire_values(columns.values),
        min=wire_values(columns.low),
        max=wire_values(columns.high),
        shown=len(columns.steps),
        total=columns.total,
        superseded=[_superseded_out(number, old) for number, old in series.superseded],
    )


def _superseded_out(number: int, columns: Columns) -> SupersededOut:
    return SupersededOut(
        attempt=number,
        steps=columns.steps,
        times=columns.times,
        values=wire_values(columns.values),
    )


def wire_values(values: list[float | None]) -> list[Value]:
    return [wire_value(value) for value in values]
