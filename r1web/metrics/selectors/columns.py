"""What is shown of a series: its points, or buckets of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from r1web.metrics.codec import Floats, Ints
from r1web.metrics.items import Items

NO_INTS: Ints = np.array([], np.int64)
NO_FLOATS: Floats = np.array([], np.float64)


@dataclass(frozen=True)
class Columns:
    """Points of one series in order of step, or buckets of them."""

    steps: Ints = field(default_factory=lambda: NO_INTS)
    times: Floats = field(default_factory=lambda: NO_FLOATS)
    values: Floats = field(default_factory=lambda: NO_FLOATS)
    """Means of buckets."""
    low: Floats = field(default_factory=lambda: NO_FLOATS)
    high: Floats = field(default_factory=lambda: NO_FLOATS)
    last: Floats = field(default_factory=lambda: NO_FLOATS)
    counts: Ints = field(default_factory=lambda: NO_INTS)
    odd: Ints = field(default_factory=lambda: NO_INTS)
    """How many are not finite."""
    exact: bool = True
    """Every point as it is."""

    @property
    def total(self) -> int:
        return int(self.counts.sum())


def points_of(items: Items, series: Sequence[int], few: Collection[int]) -> dict[int, Columns]:
    """Every point of the series that have few."""
    return {key: _exact(items, row) for row, key in enumerate(series) if key in few}


def buckets_of(
    items: Items, series: Sequence[int], few: Collection[int], width: int
) -> dict[int, Columns]:
    """Buckets of the others."""
    if len(few) == len(series):
        return {}
    buckets = items.bucketed(width)
    return {key: _means(buckets, row) for row, key in enumerate(series) if key not in few}


def _exact(items: Items, row: int) -> Columns:
    places = np.flatnonzero(items.present[row])
    places = places[np.argsort(items.steps[places], kind="stable")]
    values = items.last[row][places]
    return Columns(
        items.steps[places],
        items.times[places],
        values,
        low=values,
        high=values,
        last=values,
        counts=np.ones(len(places), np.int64),
        odd=items.odd[row][places].astype(np.int64),
    )


def _means(items: Items, row: int) -> Columns:
    places = np.flatnonzero(items.present[row])
    finite = items.finite[row][places]
    low, high = items.low[row][places], items.high[row][places]
    none = low > high  # NaN alone
    return Columns(
        items.steps[places],
        items.times[places],
        np.where(finite > 0, items.total[row][places] / np.maximum(finite, 1), np.nan),
        low=np.where(none, np.nan, low),
        high=np.where(none, np.nan, high),
        last=items.last[row][places],
        counts=items.counts[row][places],
        odd=items.odd[row][places].astype(np.int64),
        exact=False,
    )
