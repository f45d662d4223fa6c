"""Reads series as columns: every point when they are few, else buckets of steps.

A bucket is `width` consecutive steps, `width` a power of two and buckets aligned to its multiples,
so that a growing run keeps the buckets it had. It shows the mean, with the true least and greatest
value beside it; the database does the sums.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Avg, Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery

from r1web.metrics.models import Point, Series
from r1web.runs.models import Run
from r1web.runs.snapshot import read_snapshot
from r1web.runs.superseded import effective, last_valid_steps, superseded

Key = tuple[int, ...]
"""The series, and the attempt where attempts are told apart."""


class Shown(NamedTuple):
    """A point, or what a bucket of points comes to."""

    step: int
    time: float
    value: float | None
    low: float | None
    high: float | None
    points: int = 1


@dataclass
class Columns:
    """Points of one series in order of step; a value None is NaN."""

    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    total: int = 0

    @classmethod
    def exact(cls, rows: Iterable[tuple[Any, ...]]) -> "Columns":
        """Every point as it is, from rows that end with step, time and value."""
        *_, steps, times, values = map(list, zip(*rows, strict=True))
        return cls(steps, times, values, low=values, high=values, total=len(steps))

    def add(self, point: Shown) -> None:
        self.steps.append(point.step)
        self.times.append(point.time)
        self.values.append(point.value)
        self.low.append(point.low)
        self.high.append(point.high)
        self.total += point.points


@dataclass(frozen=True)
class SeriesColumns:
    name: str
    columns: Columns
    superseded: list[tuple[int, Columns]]
    """Points that later attempts replaced, by the number of the attempt that made them."""


@dataclass(frozen=True)
class Metrics:
    last_seq: int
    series: list[SeriesColumns]


def read_metrics(
    *,
    run_id: int,
    names: Sequence[str] = (),
    from_step: int | None = None,
    to_step: int | None = None,
    max_points: int,
) -> Metrics:
    """The series called `names` (none: all; `reward/*` is a prefix), and the seq they hold up to.

    At most `max_points` points a series.
    """
    with read_snapshot():
        run = Run.objects.only("last_seq").get(pk=run_id)
        attempts = list(run.attempts.only("number", "start_step", "started_at", "run_id"))
        series = dict(
            Series.objects.filter(_named(names), run=run).order_by("name").values_list("pk", "name")
        )
        points = Point.objects.filter(_between(from_step, to_step))
        limits = last_valid_steps(attempts)
        current = _read(points.filter(effective(limits)), series, ("series_id",), max_points)
        replaced = superseded(limits)
        old = {}
        if replaced is not None:
            old = _read(points.filter(replaced), series, ("series_id", "attempt_id"), max_points)
    numbers = {attempt.pk: attempt.number for attempt in attempts}
    return Metrics(
        last_seq=run.last_seq,
        series=[
            SeriesColumns(
                name=name,
                columns=current.get((pk,), Columns()),
                superseded=[(numbers[key[1]], old[key]) for key in sorted(old) if key[0] == pk],
            )
            for pk, name in series.items()
        ],
    )


def _named(names: Sequence[str]) -> Q:
    wanted = Q()
    for name in names:
        if name.endswith("*"):
            wanted |= Q(name__startswith=name[:-1])
        else:
            wanted |= Q(name=name)
    return wanted


def _between(from_step: int | None, to_step: int | None) -> Q:
    within = Q()
    if from_step is not None:
        within &= Q(step__gte=from_step)
    if to_step is not None:
        within &= Q(step__lte=to_step)
    return within


def _read(
    points: QuerySet[Point], series: Collection[int], keys: tuple[str, ...], max_points: int
) -> dict[Key, Columns]:
    dense, width = _dense(points, series, max_points)
    rows = points.filter(series_id__in=set(series) - dense).order_by(*keys, "step", "pk")
    columns = rows.values_list(*keys, "step", "time", "value")
    found: dict[Key, Columns] = {
        key: Columns.exact(of_key) for key, of_key in groupby(columns, lambda row: row[: len(keys)])
    }
    if dense:
        for row in _buckets(points, keys, dense, width):
            key, shown = row[: len(keys)], Shown(*row[len(keys) :])
            found.setdefault(key, Columns()).add(shown)
    return found


def _dense(
    points: QuerySet[Point], series: Collection[int], max_points: int
) -> tuple[set[int], int]:
    """The series with more points than may be shown, and how many steps a bucket takes.

    Looks whether there is one point more, which the index tells, instead of counting them all.
    """
    steps = points.filter(series_id=OuterRef("pk")).order_by("step").values("step")
    rows = (
        Series.objects.filter(pk__in=series)
        .annotate(too_many=Subquery(steps[max_points : max_points + 1]))
        .exclude(too_many=None)
        .annotate(first=Subquery(steps[:1]), last=Subquery(steps.reverse()[:1]))
        .values_list("pk", "first", "last")
    )
    dense = {pk: (first, last) for pk, first, last in rows}
    if not dense:
        return set(), 1
    first, last = min(first for first, _ in dense.values()), max(last for _, last in dense.values())
    return set(dense), bucket_width(first, last, max_points)


def bucket_width(first: int, last: int, max_points: int) -> int:
    """The least power of two that cuts the steps from `first` to `last` into few enough buckets."""
    width = 1
    while last // width - first // width + 1 > max_points:
        width *= 2
    return width


def _buckets(
    points: QuerySet[Point], keys: tuple[str, ...], dense: Iterable[int], width: int
) -> QuerySet[Point, tuple[Any, ...]]:
    rows: QuerySet[Point, tuple[Any, ...]] = (
        points.filter(series_id__in=dense)
        .annotate(bucket=F("step") / width)
        .values(*keys, "bucket")
        .annotate(
            last_step=Max("step"),
            last_time=Max("time"),
            mean=Avg("value"),
            low=Min("value"),
            high=Max("value"),
            count=Count("pk"),
        )
        .order_by("series_id", "bucket")
        .values_list(*keys, "last_step", "last_time", "mean", "low", "high", "count")
    )
    return rows
