"""Columns of a run's sealed segments, joined, and kept for the next request.

A segment that is sealed never changes. So what was read of a run's first segments stays right, and
only those that were sealed since are read anew. A process keeps `MOST_BYTES` of what was asked for
last.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from r1web.rollouts.columns import Array, Columns, missing, unpack_column
from r1web.rollouts.models import Column

MOST_BYTES = 96 * 1024 * 1024
"""A column of a million completions takes 4 MB, one of keys 8 MB."""


@dataclass(frozen=True)
class Sealed:
    """A segment; the time tells it from another that had its key before, in a restored database."""

    pk: int
    at: datetime
    completions: int


@dataclass(frozen=True)
class Joined:
    """A column of a run's first sealed segments, and whether any of them has it."""

    segments: tuple[Sealed, ...]
    values: Array
    present: bool


class Cache:
    """The columns used last, for all threads of a process."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple[int, str], Joined] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run_id: int, name: str, segments: Sequence[Sealed]) -> Joined | None:
        """The column of `segments`, or of the first of them."""
        with self._lock:
            kept = self._kept.get((run_id, name))
            if kept is None or kept.segments != tuple(segments[: len(kept.segments)]):
                return None
            self._kept.move_to_end((run_id, name))
            return kept

    def put(self, run_id: int, name: str, joined: Joined) -> None:
        joined.values.flags.writeable = False
        with self._lock:
            before = self._kept.pop((run_id, name), None)
            self._bytes += joined.values.nbytes - (before.values.nbytes if before else 0)
            self._kept[run_id, name] = joined
            while self._bytes > self._most:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= gone.values.nbytes


cache = Cache(MOST_BYTES)


def read_sealed(run_id: int, names: Iterable[str], segments: Sequence[Sealed]) -> Columns:
    """The named columns of these segments, which are all that the run has; without those that none
    of them has. They are not to be written into."""
    known = {name: cache.get(run_id, name, segments) for name in names}
    behind = [name for name, kept in known.items() if kept is None or _rest(kept, segments)]
    rest = {pk for name in behind for pk in (each.pk for each in _rest(known[name], segments))}
    parts = _read(rest, behind)
    found = {}
    for name, kept in known.items():
        joined = _extended(name, kept, segments, parts) if name in behind else kept
        if name in behind and joined is not None:
            cache.put(run_id, name, joined)
        if joined is not None and joined.present:
            found[name] = joined.values
    return found


def _rest(kept: Joined | None, segments: Sequence[Sealed]) -> Sequence[Sealed]:
    return segments[len(kept.segments) :] if kept else segments


def _read(segments: Collection[int], names: Collection[str]) -> dict[tuple[int, str], Array]:
    if not segments:
        return {}
    rows = Column.objects.filter(segment__in=segments, name__in=names)
    return {
        (pk, name): unpack_column(name, bytes(data))
        for pk, name, data in rows.values_list("segment_id", "name", "data")
    }


def _extended(
    name: str,
    kept: Joined | None,
    segments: Sequence[Sealed],
    parts: dict[tuple[int, str], Array],
) -> Joined:
    """A segment that does not have the column has no value in it."""
    rest = _rest(kept, segments)
    new = [parts.get((each.pk, name)) for each in rest]
    pieces = [
        missing(name, each.completions) if part is None else part
        for each, part in zip(rest, new, strict=True)
    ]
    before = [kept.values] if kept else [missing(name, 0)]
    present = any(part is not None for part in new) or (kept is not None and kept.present)
    return Joined(tuple(segments), np.concatenate([*before, *pieces]), present)
