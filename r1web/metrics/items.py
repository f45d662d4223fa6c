"""Points and buckets of points of several series along one axis, as matrices.

A point is a bucket of one. Joining buckets loses nothing that they tell (least and greatest value,
mean of the finite ones, last value, how many there are and how many are not finite), so any zoom
comes out the same from points as from buckets of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r1web.metrics.codec import ABSENT, Bytes, Floats, Ints, Packer, Unpacker, absent

Counts = NDArray[np.uint32]
BUCKET_TYPES = ("<f8", "<f8", "<f8", "<f8", "<u4", "<u4")


@dataclass
class Items:
    """S series along n steps. Where a series has nothing, both of its counts are 0."""

    steps: Ints
    """[n] The last step of each."""
    times: Floats
    """[n] The last time of each."""
    low: Floats
    """[S, n] Least value that is not NaN; infinity when there is none."""
    high: Floats
    """[S, n] Greatest value that is not NaN; minus infinity when there is none."""
    total: Floats
    """[S, n] Sum of the finite values."""
    last: Floats
    """[S, n] The last value; ABSENT where there is none."""
    finite: Counts
    """[S, n] How many values are finite."""
    odd: Counts
    """[S, n] How many are NaN or infinite."""

    @property
    def present(self) -> NDArray[np.bool_]:
        """[S, n]"""
        present: NDArray[np.bool_] = (self.finite > 0) | (self.odd > 0)
        return present

    @property
    def counts(self) -> NDArray[np.int64]:
        """[S, n] How many points each stands for."""
        return self.finite.astype(np.int64) + self.odd

    @classmethod
    def points(cls, steps: Ints, times: Floats, values: Floats) -> "Items":
        """`values` [S, n], ABSENT where there is none."""
        nan, finite = np.isnan(values), np.isfinite(values)
        return cls(
            steps,
            times,
            low=np.where(nan, np.inf, values),
            high=np.where(nan, -np.inf, values),
            total=np.where(finite, values, 0.0),
            last=values,
            finite=finite.astype(np.uint32),
            odd=(~finite & ~absent(values)).astype(np.uint32),
        )

    @classmethod
    def empty(cls, steps: Ints, times: Floats, series: int) -> "Items":
        """No values anywhere, to be filled in."""
        shape = (series, len(steps))
        return cls(
            steps,
            times,
            low=np.full(shape, np.inf),
            high=np.full(shape, -np.inf),
            total=np.zeros(shape),
            last=np.full(shape, ABSENT),
            finite=np.zeros(shape, np.uint32),
            odd=np.zeros(shape, np.uint32),
        )

    @classmethod
    def joined(cls, parts: Sequence["Items"]) -> "Items":
        """One after the other, of the same series."""
        return cls(
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.times for part in parts]),
            *(
                np.concatenate(columns, axis=1)
                for columns in zip(*map(_matrices, parts), strict=True)
            ),
        )

    def where(self, index: NDArray[np.bool_] | Ints) -> "Items":
        return Items(
            self.steps[index],
            self.times[index],
            *(matrix[:, index] for matrix in _matrices(self)),
        )

    def of_series(self, rows: Ints) -> "Items":
        return Items(self.steps, self.times, *(matrix[rows] for matrix in _matrices(self)))

    def bucketed(self, width: int) -> "Items":
        """Buckets of `width` steps, aligned to its multiples."""
        places = self.steps // width
        if np.any(places[1:] < places[:-1]):
            order = np.argsort(places, kind="stable")
            return self.where(order).bucketed(width)
        starts = np.flatnonzero(np.diff(places, prepend=places[0] - 1))
        if len(starts) == len(places):
            return self
        newest = np.where(self.present, np.arange(len(places)), -1)
        newest = np.maximum.reduceat(newest, starts, axis=1)
        last = np.take_along_axis(self.last, np.maximum(newest, 0), axis=1)
        return Items(
            np.maximum.reduceat(self.steps, starts),
            np.maximum.reduceat(self.times, starts),
            low=np.minimum.reduceat(self.low, starts, axis=1),
            high=np.maximum.reduceat(self.high, starts, axis=1),
            total=np.add.reduceat(self.total, starts, axis=1),
            last=np.where(newest < 0, ABSENT, last),
            finite=np.add.reduceat(self.finite, starts, axis=1, dtype=np.uint32),
            odd=np.add.reduceat(self.odd, starts, axis=1, dtype=np.uint32),
        )

    def packed(self, row: int, packer: Packer) -> bytes:
        """The buckets of one series."""
        return packer.pack([matrix[row] for matrix in _matrices(self)])

    def fill(self, row: int, data: Bytes, unpacker: Unpacker) -> None:
        """Set one series to what `packed` wrote."""
        columns = unpacker.columns(data, BUCKET_TYPES, len(self.steps))
        for matrix, column in zip(_matrices(self), columns, strict=True):
            matrix[row] = column


def _matrices(items: Items) -> tuple[NDArray[Any], ...]:
    return items.low, items.high, items.total, items.last, items.finite, items.odd


def bucket_width(first: int, last: int, most: int) -> int:
    """The least power of two that cuts the steps from `first` to `last` into few enough buckets."""
    width = 1
    while last // width - first // width + 1 > most:
        width *= 2
    return width
