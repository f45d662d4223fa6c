"""Lines side by side as a matrix."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from r1web.metrics.codec import ABSENT, Bytes, Floats


class Row(NamedTuple):
    """What a line tells."""

    series: Bytes
    """Keys, as little-endian int64."""
    step: int
    time: float
    values: Bytes
    """Little-endian float64."""


def matrix_of(rows: Sequence[Row]) -> tuple[list[int], Floats]:
    """The series [S] that occur, in order of their keys, and their values [S, n]."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[bytes(row.series)].append(place)
    keys = {layout: np.frombuffer(layout, "<i8") for layout in places}
    series = np.unique(np.concatenate(list(keys.values()))) if keys else np.array([], np.int64)
    matrix = np.full((len(series), len(rows)), ABSENT)
    for layout, columns in places.items():
        together = b"".join(rows[place].values for place in columns)
        values = np.frombuffer(together, "<f8").reshape(len(columns), -1).T
        values = np.where(np.isnan(values), np.nan, values)
        matrix[np.ix_(np.searchsorted(series, keys[layout]), np.array(columns))] = values
    return series.tolist(), matrix
