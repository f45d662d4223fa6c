"""Finds and joins what tells the series of some runs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from r1web.metrics.codec import Ints
from r1web.metrics.items import Items, bucket_width
from r1web.metrics.models import Layout, Line, Page
from r1web.metrics.pages import Job, Span, covering, load_items
from r1web.metrics.rows import Row, matrix_of
from r1web.metrics.selectors.columns import NO_FLOATS, NO_INTS, Columns, buckets_of, points_of
from r1web.runs.models import Attempt
from r1web.runs.superseded import last_valid_steps


@dataclass(frozen=True)
class Steps:
    """A range of steps; both ends belong to it."""

    first: int = 0
    last: float = math.inf

    @classmethod
    def between(cls, first: int | None, last: int | None) -> "Steps":
        return cls(first or 0, math.inf if last is None else last)


@dataclass(frozen=True)
class SeriesColumns:
    name: str
    columns: Columns
    superseded: list[tuple[int, Columns]]
    """Points that later attempts replaced, by the number of the attempt that made them."""


@dataclass(frozen=True)
class Part:
    """What is drawn as one line: what counts of a run, or what was replaced of an attempt."""

    run: int
    replaced: int | None
    """The attempt's number."""
    spans: list[Span]


class Reader:
    """Reads the series of some runs, of each within a range of steps."""

    def __init__(
        self,
        attempts: Iterable[Attempt],
        series: Mapping[int, Mapping[int, str]],
        ranges: Mapping[int, Steps],
        max_points: int,
    ) -> None:
        self._series = series
        self._ranges = ranges
        self._widest = Steps(
            min((steps.first for steps in ranges.values()), default=0),
            max((steps.last for steps in ranges.values()), default=math.inf),
        )
        self._most = max_points
        self._attempts: dict[int, list[Attempt]] = defaultdict(list)
        self._run_of: dict[int, int] = {}
        for attempt in attempts:
            self._attempts[attempt.run_id].append(attempt)
            self._run_of[attempt.pk] = attempt.run_id

    @cached_property
    def _roots(self) -> dict[int, list[Page]]:
        """The uppermost pages of each attempt that may tell of the range."""
        pages = Page.objects.filter(
            attempt__in=self._run_of, parent=None, last_step__gte=self._widest.first
        )
        if math.isfinite(self._widest.last):
            pages = pages.filter(first_step__lte=self._widest.last)
        found: dict[int, list[Page]] = defaultdict(list)
        for page in pages:
            found[page.attempt_id].append(page)
        return found

    @cached_property
    def _lines(self) -> dict[int, Items]:
        """What is in no page, by attempt: the run's series, in order of their keys."""
        lines = Line.objects.filter(attempt__in=self._run_of, step__gte=self._widest.first)
        if math.isfinite(self._widest.last):
            lines = lines.filter(step__lte=self._widest.last)
        rows = lines.order_by("pk").values_list("attempt", "layout", "step", "time", "values")
        layouts = _layouts(self._series)
        found: dict[int, list[Row]] = defaultdict(list)
        for attempt, layout, step, time, values in rows:
            found[attempt].append(Row(layouts[layout], step, time, values))
        return {
            attempt: _items(rows, sorted(self._series[self._run_of[attempt]]))
            for attempt, rows in found.items()
        }

    def read(self) -> dict[int, list[SeriesColumns]]:
        """By run, its series in order of their names."""
        parts = [part for run in self._series for part in self._parts(run)]
        of_run: dict[int, list[tuple[int | None, Mapping[int, Columns]]]] = defaultdict(list)
        for part, columns in zip(parts, self._columns(parts), strict=True):
            of_run[part.run].append((part.replaced, columns))
        return {
            run: [_series_columns(key, name, of_run[run]) for key, name in names.items()]
            for run, names in self._series.items()
        }

    def _parts(self, run: int) -> list["Part"]:
        """What counts of all attempts, and of each what was replaced."""
        if not self._series[run]:
            return []
        limits = last_valid_steps(self._attempts[run])
        valid = {key: math.inf if limit is None else limit for key, limit in limits.items()}
        in_order = sorted(self._attempts[run], key=lambda attempt: attempt.number)
        current = [self._span(attempt, 0, valid[attempt.pk]) for attempt in in_order]
        replaced = [
            Part(run, attempt.number, [self._span(attempt, valid[attempt.pk] + 1)])
            for attempt in in_order
            if math.isfinite(valid[attempt.pk])
        ]
        return [Part(run, None, current), *replaced]

    def _span(self, attempt: Attempt, first: float, last: float = math.inf) -> Span:
        steps = self._ranges[attempt.run_id]
        return Span(attempt.pk, max(int(first), steps.first), min(last, steps.last))

    def _columns(self, parts: Sequence["Part"]) -> list[dict[int, Columns]]:
        """Of each part its series' columns."""
        jobs = [Job(self._keys_of(part), part.spans, self._width(part.spans)) for part in parts]
        found = self._load(jobs)
        few = [self._few(job.series, items) for job, (items, _) in zip(jobs, found, strict=True)]
        again = [
            Job([], [], 0) if raw or not keys else Job(keys, job.spans, 0)
            for job, keys, (_, raw) in zip(jobs, few, found, strict=True)
        ]
        exact = self._load(again) if any(job.series for job in again) else found
        return [
            buckets_of(items, job.series, keys, job.width)
            | (points_of(items, job.series, keys) if raw else points_of(points, keys, keys))
            for job, keys, (items, raw), (points, _) in zip(jobs, few, found, exact, strict=True)
        ]

    def _few(self, series: Sequence[int], items: Items) -> list[int]:
        """The series whose every point may be shown."""
        totals = items.counts.sum(axis=1)
        return [key for key, total in zip(series, totals, strict=True) if total <= self._most]

    def _keys_of(self, part: "Part") -> list[int]:
        return sorted(self._series[part.run])

    def _width(self, spans: Sequence[Span]) -> int:
        """Steps a bucket, where buckets are needed."""
        ends = [end for span in spans for end in self._ends(span)]
        if not ends:
            return 1
        return bucket_width(min(a for a, _ in ends), max(b for _, b in ends), self._most)

    def _ends(self, span: Span) -> list[tuple[int, int]]:
        """First and last steps of what there is in the span."""
        inside = [(page.first_step, page.last_step) for page in self._roots.get(span.attempt, ())]
        if span.attempt in self._lines:
            steps = self._lines[span.attempt].steps
            inside.append((int(steps.min()), int(steps.max())))
        return [
            (max(first, span.first), int(min(last, span.last)))
            for first, last in inside
            if first <= span.last and last >= span.first
        ]

    def _load(self, jobs: Sequence[Job]) -> list[tuple[Items, bool]]:
        """Of each job what there is in its spans, and whether all of it is points."""
        pages_of = covering(jobs, self._roots)
        loaded = load_items(
            [(pages, job.series) for pages, job in zip(pages_of, jobs, strict=True)]
        )
        return [
            (self._join(job, pages, items), all(page.level == 0 for page in pages))
            for job, pages, items in zip(jobs, pages_of, loaded, strict=True)
        ]

    def _join(self, job: Job, pages: Sequence[Page], loaded: Mapping[int, Items]) -> Items:
        parts = [Items.empty(NO_INTS, NO_FLOATS, len(job.series))]
        for span in job.spans:
            mine = [loaded[page.pk] for page in pages if page.attempt_id == span.attempt]
            if span.attempt in self._lines:
                mine.append(self._lines[span.attempt].of_series(self._rows(job, span.attempt)))
            parts += [_within(items, span) for items in mine]
        return Items.joined(parts)

    def _rows(self, job: Job, attempt: int) -> Ints:
        """Where the job's series stand among those of the attempt's run."""
        of_run = sorted(self._series[self._run_of[attempt]])
        return np.searchsorted(of_run, np.array(job.series, np.int64))


def _series_columns(
    key: int, name: str, of_run: Sequence[tuple[int | None, Mapping[int, Columns]]]
) -> SeriesColumns:
    (_, current), *replaced = of_run
    old = [(number, columns[key]) for number, columns in replaced if number is not None]
    return SeriesColumns(name, current[key], [(n, columns) for n, columns in old if columns.total])


def _layouts(runs: Iterable[int]) -> dict[int, bytes]:
    rows = Layout.objects.filter(run__in=list(runs)).values_list("pk", "series")
    return {key: bytes(series) for key, series in rows}


def _items(rows: Sequence[Row], wanted: Sequence[int]) -> Items:
    steps = np.array([row.step for row in rows], np.int64)
    times = np.array([row.time for row in rows])
    items = Items.empty(steps, times, len(wanted))
    series, matrix = matrix_of(rows)
    common, here, there = np.intersect1d(wanted, series, return_indices=True)
    del common
    items.last[here] = matrix[there]
    return Items.points(steps, times, items.last)


def _within(items: Items, span: Span) -> Items:
    inside = (items.steps >= span.first) & (items.steps <= span.last)
    return items if inside.all() else items.where(inside)
