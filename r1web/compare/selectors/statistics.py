"""The last, least and greatest value of series of many runs, and the mean of their newest points.

All of them exactly: least and greatest stand in the buckets that a series is read in, and the
newest points are read again, one by one, from the step where the buckets say that there are enough.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from r1web.metrics.codec import Floats
from r1web.metrics.selectors import Columns, Steps, read_runs
from r1web.metrics.selectors.columns import NO_FLOATS
from r1web.metrics.wire import Value, wire_value

BUCKETS = 64
"""As an outline has, so that a long run is one row for each series."""

Curves = Mapping[int, Mapping[str, Columns]]


def statistics(run_ids: Sequence[int], names: Sequence[str], newest: int) -> dict[str, Any]:
    """As StatisticsListOut describes it; of series with these names, no prefixes."""
    whole = _read(run_ids, names, max_points=BUCKETS)
    starts = {run: _start(columns.values(), newest) for run, columns in whole.items()}
    most = max((_points_from(columns, starts[run]) for run, columns in whole.items()), default=0)
    tails = _read(
        run_ids,
        names,
        steps={run: Steps(first) for run, first in starts.items()},
        max_points=2 * most + newest,  # points may come in between the two reads
    )
    listed = [run for run in run_ids if run in whole]
    return {
        "runs": listed,
        "series": [_series(name, listed, whole, tails, newest) for name in names],
    }


def _read(run_ids: Collection[int], names: Sequence[str], **how: Any) -> Curves:
    if not names:
        return {run: {} for run in run_ids}
    found = read_runs(run_ids=run_ids, names=names, **how)
    return {
        run: {series.name: series.columns for series in metrics.series if series.columns.total}
        for run, metrics in found.items()
    }


def _start(curves: Collection[Columns], newest: int) -> int:
    """A step from which on each of the curves has so many points, if it has them at all."""
    return min((_start_of(columns, newest) for columns in curves), default=0)


def _start_of(columns: Columns, newest: int) -> int:
    from_end = np.cumsum(columns.counts[::-1])
    back = int(np.searchsorted(from_end, newest))  # buckets before the one that has enough
    place = len(columns.steps) - 1 - back
    # A bucket stands at its last step: it begins after the one before.
    return int(columns.steps[place - 1]) + 1 if place > 0 else 0


def _points_from(curves: Mapping[str, Columns], first: int) -> int:
    """Points of the longest curve from that step on."""
    return max((int(one.counts[one.steps >= first].sum()) for one in curves.values()), default=0)


def _series(
    name: str, runs: Sequence[int], whole: Curves, tails: Curves, newest: int
) -> dict[str, Any]:
    curves = [whole[run].get(name) for run in runs]
    ends = [_newest(tails[run].get(name), newest) for run in runs]
    return {
        "name": name,
        "last": [_value(one.last[-1]) if one else None for one in curves],
        "min": [_value(np.nanmin(one.low)) if one else None for one in map(_known, curves)],
        "max": [_value(np.nanmax(one.high)) if one else None for one in map(_known, curves)],
        "mean": [_value(values.mean()) if len(values) else None for values in ends],
        "of": [len(values) for values in ends],
    }


def _newest(tail: Columns | None, newest: int) -> Floats:
    """The finite ones of the newest values."""
    values = tail.values[-newest:] if tail else NO_FLOATS
    return values[np.isfinite(values)]


def _known(columns: Columns | None) -> Columns | None:
    """None where every value is NaN: such have no extremes."""
    return columns if columns and not np.isnan(columns.low).all() else None


def _value(number: float) -> Value:
    return wire_value(float(number))
