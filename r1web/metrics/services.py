"""Appends points to a run's series."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from r1web.metrics.models import Point, Series
from r1web.runs.models import Attempt, Run

NAME_LENGTH = 120


@dataclass(frozen=True)
class Sample:
    """Values by series name at one step; `time` is Unix time in seconds."""

    step: int
    time: float
    values: Mapping[str, float]


def append_points(*, run: Run, attempt: Attempt, samples: Iterable[Sample]) -> None:
    """Write every value as a point. The caller's transaction makes it exact."""
    rows = [
        (name[:NAME_LENGTH], sample, value)
        for sample in samples
        for name, value in sample.values.items()
    ]
    keys = _series_keys(run, {name for name, _, _ in rows})
    Point.objects.bulk_create(
        Point(
            series_id=keys[name],
            attempt=attempt,
            step=sample.step,
            time=sample.time,
            value=None if math.isnan(value) else value,
        )
        for name, sample, value in rows
    )


def _series_keys(run: Run, names: set[str]) -> dict[str, int]:
    known = _known_keys(run, names)
    missing = sorted(names - known.keys())
    if not missing:
        return known
    Series.objects.bulk_create(
        [Series(run=run, name=name) for name in missing], ignore_conflicts=True
    )
    return _known_keys(run, names)


def _known_keys(run: Run, names: set[str]) -> dict[str, int]:
    return dict(Series.objects.filter(run=run, name__in=names).values_list("name", "pk"))
