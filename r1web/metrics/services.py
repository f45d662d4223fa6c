"""Appends points to the series of runs."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from r1web.metrics.models import Point, Series
from r1web.runs.models import Attempt

NAME_LENGTH = 120
COPY = "COPY metrics_point (series_id, attempt_id, step, time, value) FROM STDIN"
Names = Mapping[int, Collection[str]]
"""Names of series by run."""


@dataclass(frozen=True)
class Sample:
    """Values by series name at one step; `time` is Unix time in seconds."""

    attempt: Attempt
    step: int
    time: float
    values: Mapping[str, float]


class SeriesKeys:
    """Keys of series, of which one that appends again and again need look up only the new ones."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, int]] = {}
        """By run and name; only what was committed, since a key taken back is used again."""

    def of(self, names: Names) -> dict[int, dict[str, int]]:
        """Keys of these series, made where they were not there."""
        found = {run: self._known.get(run, {}) for run in names}
        if missing := _missing(names, found):
            _make(missing)
            found |= _read(missing)
            transaction.on_commit(lambda: self._known.update(found))
        return found

    def forget(self, runs: Iterable[int] | None = None) -> None:
        """Of runs that nothing is appended to any more; of all, when one may not be there."""
        for run in [*self._known] if runs is None else runs:
            self._known.pop(run, None)


def append_points(samples: Iterable[Sample], keys: SeriesKeys | None = None) -> None:
    """Write every value as a point. The caller's transaction makes it exact."""
    samples = list(samples)
    names: dict[int, set[str]] = {}
    for sample in samples:
        names.setdefault(sample.attempt.run_id, set()).update(map(_fitting, sample.values))
    found = (keys or SeriesKeys()).of(names)
    points = [
        (found[sample.attempt.run_id][_fitting(name)], sample, value)
        for sample in samples
        for name, value in sample.values.items()
    ]
    if connection.vendor == "postgresql":
        _copy(points)
    else:
        _insert(points)


def _fitting(name: str) -> str:
    return name[:NAME_LENGTH]


def _insert(points: Sequence[tuple[int, Sample, float]]) -> None:
    Point.objects.bulk_create(
        Point(
            series_id=key,
            attempt_id=sample.attempt.pk,
            step=sample.step,
            time=sample.time,
            value=None if math.isnan(value) else value,
        )
        for key, sample, value in points
    )


def _copy(points: Sequence[tuple[int, Sample, float]]) -> None:
    """PostgreSQL takes thousands of rows this way in the time of a few INSERTs."""
    rows = [
        f"{key}\t{sample.attempt.pk}\t{sample.step}\t{sample.time!r}\t{_null_or(value)}\n"
        for key, sample, value in points
    ]
    if rows:
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write("".join(rows))


def _null_or(value: float) -> str:
    return r"\N" if math.isnan(value) else repr(float(value))


def _missing(names: Names, found: Mapping[int, Mapping[str, int]]) -> dict[int, set[str]]:
    missing = {run: set(wanted) - found[run].keys() for run, wanted in names.items()}
    return {run: wanted for run, wanted in missing.items() if wanted}


def _make(missing: Names) -> None:
    known = _read(missing)
    Series.objects.bulk_create(
        [
            Series(run_id=run, name=name)
            for run, wanted in sorted(missing.items())
            for name in sorted(set(wanted) - known[run].keys())
        ],
        ignore_conflicts=True,
    )


def _read(runs: Iterable[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {run: {} for run in runs}
    rows = Series.objects.filter(run__in=found).values_list("run", "name", "pk")
    for run, name, key in rows:
        found[run][name] = key
    return found
