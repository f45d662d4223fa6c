"""The curves of runs, as columns and as files."""

from typing import Annotated, Any, Literal

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Field, Query, Router
from pydantic import BaseModel
from pydantic_core import to_json

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.streaming import streamed
from r1web.errors import InvalidError
from r1web.metrics.selectors import (
    Columns,
    Metrics,
    SeriesColumns,
    Steps,
    exported_csv,
    exported_parquet,
    read_runs,
)
from r1web.metrics.wire import Value, wire_values
from r1web.runs.selectors import visible_run, visible_runs

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
    min: list[Value] | None = Field(
        description="Least value of each bucket. Null, as what follows, where each is a point."
    )
    max: list[Value] | None = Field(description="Greatest value of each bucket.")
    last: list[Value] | None = Field(description="Last value of each bucket.")
    counts: list[int] | None = Field(description="Points in each bucket.")
    not_finite: list[int] | None = Field(description="How many of them are NaN or infinite.")
    shown: int = Field(description="Points in this answer.")
    total: int = Field(description="Points they stand for.")
    superseded: list[SupersededOut]


class MetricsOut(BaseModel):
    last_seq: int = Field(description="Events up to this one are in these numbers, later ones not.")
    series: list[SeriesOut]


class RunMetricsOut(MetricsOut):
    run: int


class RunsMetricsOut(BaseModel):
    runs: list[RunMetricsOut]


Names = Annotated[
    str, Query(description="Comma-separated; `reward/*` is a prefix. Empty: all of them.")
]
FromStep = Annotated[int | None, Query(ge=0)]
ToStep = Annotated[int | None, Query(ge=0)]
MaxPoints = Annotated[int, Query(ge=2, le=10_000, description="Most points a series.")]
MOST_RUNS = 200


@router.get(
    "/runs/{int:run_id}/metrics",
    response={200: MetricsOut, ERRORS: ProblemOut},
    summary="Curves of a run",
)
def get_metrics(
    request: ApiRequest,
    run_id: int,
    *,
    names: Names = "",
    from_step: FromStep = None,
    to_step: ToStep = None,
    max_points: MaxPoints = 600,
) -> HttpResponse:
    """Exact points while a series has at most `max_points` of them, else buckets of steps."""
    run = visible_run(request.user, run_id)
    found = read_runs(
        run_ids=[run.pk],
        names=_listed(names),
        steps=Steps.between(from_step, to_step),
        max_points=max_points,
    )
    return _answer(_metrics_json(found[run.pk]))


@router.get(
    "/metrics",
    response={200: RunsMetricsOut, ERRORS: ProblemOut},
    summary="Curves of several runs",
)
def get_metrics_of_runs(
    request: ApiRequest,
    *,
    runs: Annotated[str, Query(description=f"Comma-separated numbers, at most {MOST_RUNS}.")],
    names: Names = "",
    from_step: FromStep = None,
    to_step: ToStep = None,
    max_points: MaxPoints = 60,
) -> HttpResponse:
    """As for one run, in the order of `runs`. Those that are not there, for you, are left out."""
    wanted = _numbers(runs)
    seen = set(visible_runs(request.user).filter(pk__in=wanted).values_list("pk", flat=True))
    found = read_runs(
        run_ids=seen,
        names=_listed(names),
        steps=Steps.between(from_step, to_step),
        max_points=max_points,
    )
    of_runs = (_metrics_json(found[run], run) for run in wanted if run in found)
    return _answer(b'{"runs":[' + b",".join(of_runs) + b"]}")


@router.get(
    "/runs/{int:run_id}/metrics/export",
    response={200: None, ERRORS: ProblemOut},
    summary="Every point of a run, as a file",
)
def export_metrics(
    request: ApiRequest,
    run_id: int,
    *,
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002 - the parameter's name for callers
    names: Names = "",
    from_step: FromStep = None,
    to_step: ToStep = None,
) -> StreamingHttpResponse:
    """Columns name, step, time, value and superseded_attempt, empty where a point counts."""
    run = visible_run(request.user, run_id)
    write = exported_csv if format == "csv" else exported_parquet
    pieces = write(run.pk, _listed(names), Steps.between(from_step, to_step))
    return streamed(pieces, kind=format, name=f"run-{run.pk}-metrics")


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _numbers(runs: str) -> list[int]:
    listed = _listed(runs)
    if not all(number.isascii() and number.isdigit() for number in listed):
        raise InvalidError("`runs` are numbers of runs with commas between them, as in 12,15.")
    if not 1 <= len(listed) <= MOST_RUNS:
        raise InvalidError(f"`runs` takes 1 to {MOST_RUNS} runs, not {len(listed)}.")
    return list(dict.fromkeys(map(int, listed)))


def _answer(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/json; charset=utf-8")


def _metrics_json(metrics: Metrics, run: int | None = None) -> bytes:
    """As MetricsOut or RunMetricsOut describe it, but not by way of them: to look at each of
    100,000 numbers again takes most of a second. One series after the other, so that no more than
    one has its numbers as objects."""
    head = {"last_seq": metrics.last_seq} | ({} if run is None else {"run": run})
    series = b",".join(to_json(_series_out(series)) for series in metrics.series)
    return to_json(head)[:-1] + b',"series":[' + series + b"]}"


def _series_out(series: SeriesColumns) -> dict[str, Any]:
    columns = series.columns
    buckets = None if columns.exact else columns
    return {
        "name": series.name,
        **_axes(columns),
        "values": wire_values(columns.values),
        "min": buckets and wire_values(buckets.low),
        "max": buckets and wire_values(buckets.high),
        "last": buckets and wire_values(buckets.last),
        "counts": buckets and buckets.counts.tolist(),
        "not_finite": buckets and buckets.odd.tolist(),
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
