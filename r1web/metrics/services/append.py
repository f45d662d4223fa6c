"""Appends what was measured at a step to the series of a run."""

import struct
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from django.db import transaction

from r1web.bulk import insert_all
from r1web.metrics.models import Layout, Line, Series
from r1web.metrics.services.packing import PAGE_LINES, NewLine, pack
from r1web.runs.models import Attempt

NAME_LENGTH = 120
LINE = ["attempt_id", "layout_id", "seq", "step", "time", "values"]
Names = tuple[str, ...]


class Sample(NamedTuple):
    """Values by series name at one step; `time` is Unix time in seconds.

    `seq` is the number of the run's event that tells them, when one does.
    """

    attempt: Attempt
    step: int
    time: float
    values: Mapping[str, float]
    seq: int | None = None


class Known:
    """What one that appends again and again need not look up.

    Only what was committed, since a key taken back is used again.
    """

    def __init__(self) -> None:
        self._layouts: dict[int, dict[Names, int]] = {}
        self._lines: dict[int, int] = {}

    def layouts(self, wanted: Mapping[int, Collection[Names]]) -> dict[int, dict[Names, int]]:
        """Keys of layouts by run and names, made where they were not there."""
        found = {run: dict(self._layouts.get(run, {})) for run in wanted}
        for run, all_names in wanted.items():
            if missing := [names for names in all_names if names not in found[run]]:
                found[run] |= _layouts(run, missing)
                transaction.on_commit(partial(self._layouts.update, {run: found[run]}))
        return found

    def lines(self, attempt: int) -> int:
        """About how many lines of the attempt are in no page."""
        if attempt not in self._lines:
            self._lines[attempt] = Line.objects.filter(attempt=attempt).count()
        return self._lines[attempt]

    def note_lines(self, attempt: int, count: int) -> None:
        self._lines[attempt] = count

    def forget(self, run: int | None = None, attempt: int | None = None) -> None:
        """What nothing is appended to any more; all, when something may not be there."""
        if run is None:
            self._layouts.clear()
            self._lines.clear()
            return
        self._layouts.pop(run, None)
        if attempt is not None:
            self._lines.pop(attempt, None)


def append_points(samples: Iterable[Sample], known: Known | None = None) -> None:
    """Write every value as a point. The caller's transaction makes it exact."""
    known = known or Known()
    named = [(x.attempt.run_id, tuple(x.values), x) for x in samples if x.values]
    wanted: dict[int, set[Names]] = {}
    for run, names, _ in named:
        wanted.setdefault(run, set()).add(names)
    layouts = known.layouts(wanted)
    of_attempt: dict[int, list[NewLine]] = {}
    for run, names, sample in named:
        values = struct.pack(f"<{len(names)}d", *sample.values.values())
        line = NewLine(layouts[run][names], sample.seq, sample.step, sample.time, values)
        of_attempt.setdefault(sample.attempt.pk, []).append(line)
    _write(of_attempt, known)


def _write(of_attempt: Mapping[int, Sequence[NewLine]], known: Known) -> None:
    rows: list[tuple[object, ...]] = []
    for attempt, new in of_attempt.items():
        waiting = known.lines(attempt) + len(new)
        left = new
        if waiting >= PAGE_LINES:
            left = pack(attempt, new)
            waiting = len(left)
        rows += [(attempt, *line) for line in left]
        known.note_lines(attempt, waiting)
    insert_all(Line, LINE, rows)


def _layouts(run: int, wanted: Collection[Names]) -> dict[Names, int]:
    """Keys of these layouts of the run, in two queries for those that are there."""
    series = _series(run, {fitting(name) for names in wanted for name in names})
    packed = {
        names: array("q", (series[fitting(name)] for name in names)).tobytes() for names in wanted
    }
    digests = {names: blake2b(data, digest_size=16).digest() for names, data in packed.items()}
    known = _known_layouts(run, digests.values())
    Layout.objects.bulk_create(
        [
            Layout(run_id=run, digest=digests[names], series=packed[names])
            for names in wanted
            if digests[names] not in known
        ],
        ignore_conflicts=True,
    )
    known = _known_layouts(run, digests.values())
    return {names: known[digest] for names, digest in digests.items()}


def _known_layouts(run: int, digests: Iterable[bytes]) -> dict[bytes, int]:
    rows = Layout.objects.filter(run=run, digest__in=list(digests)).values_list("digest", "pk")
    return {bytes(digest): pk for digest, pk in rows}


def _series(run: int, names: Collection[str]) -> dict[str, int]:
    """Keys of the series by name, made where they were not there."""
    rows = Series.objects.filter(run=run).values_list("name", "pk")
    if missing := set(names) - dict(rows).keys():
        made = [Series(run_id=run, name=name) for name in sorted(missing)]
        Series.objects.bulk_create(made, ignore_conflicts=True)
    return dict(rows.all())


def fitting(name: str) -> str:
    """The name; one that is too long is cut, with a few characters that tell it from others."""
    if len(name) <= NAME_LENGTH:
        return name
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: NAME_LENGTH - len(digest) - 1]}~{digest}"
