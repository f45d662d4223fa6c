"""Reads numbers of a run's completions: columns of sealed segments, and the groups since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from r1web.errors import InvalidError
from r1web.rollouts.columns import READ, Array, Columns, columns_of, missing
from r1web.rollouts.models import Group, Segment
from r1web.rollouts.packing import PART
from r1web.rollouts.selectors.sealed import Sealed, read_sealed
from r1web.rollouts.where import Condition, matching
from r1web.runs.models import Attempt
from r1web.runs.snapshot import read_snapshot
from r1web.runs.superseded import last_valid_steps


@dataclass(frozen=True)
class Table:
    """A value for each completion of a run, in the order in which they were written."""

    segments: list[tuple[int | None, slice]]
    """Which of them each sealed segment has, and (None) those that are not sealed yet."""
    columns: Columns
    counting: Array
    """Which of them count: those that a later attempt superseded do not, unless asked for."""

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.counting)

    @property
    def total(self) -> int:
        return int(self.counting.sum())

    def matching(self, conditions: list[Condition]) -> Array:
        """Which count, and all conditions hold for."""
        return self.counting & matching(conditions, self.columns, len(self))

    def at(self, keys: Sequence[tuple[int, int]]) -> Array:
        """Which are these, by group and place in it; a group's completions follow each other."""
        groups, indexes = np.array(keys, np.int64).reshape(-1, 2).T
        places = np.searchsorted(self["group"], groups) + indexes
        holds = np.zeros(len(self), bool)
        holds[places[places < len(self)]] = True
        return holds


def read_table(
    *,
    run_id: int,
    names: Collection[str],
    optional: Collection[str] = (),
    attempt: int | None = None,
    superseded: bool = False,
) -> Table:
    """The named columns of all completions that count; of the optional ones those that there are.

    `attempt` (its number) takes those of one attempt, superseded or not; `superseded` takes all.
    Raises InvalidError for a part of the reward that the run does not have.
    """
    with read_snapshot():
        attempts = list(
            Attempt.objects.filter(run_id=run_id).only("number", "start_step", "started_at")
        )
        limits = {} if superseded else last_valid_steps(attempts)
        narrowed = attempt is not None or any(limit is not None for limit in limits.values())
        wanted = {*names, "step"} | ({"attempt"} if narrowed else set())
        segments, columns = _read(run_id, wanted | {*optional})
    _no_unknown_part(names, columns)
    counting = np.ones(len(columns["step"]), bool)
    if attempt is not None:
        keys = [each.pk for each in attempts if each.number == attempt]
        counting &= np.isin(columns["attempt"], keys)
    elif narrowed:
        for key, limit in limits.items():
            if limit is not None:
                counting &= (columns["attempt"] != key) | (columns["step"] <= limit)
    return Table(segments, columns, counting)


def _read(run_id: int, names: set[str]) -> tuple[list[tuple[int | None, slice]], Columns]:
    rows = Segment.objects.filter(run_id=run_id).order_by("number")
    found = list(rows.values_list("pk", "sealed_at", "completions"))
    sealed = [Sealed(pk, at, size) for pk, at, size in found if at is not None]
    fresh = columns_of(_loose([pk for pk, at, _ in found if at is None]))
    packed = read_sealed(run_id, names, sealed)
    lengths = [*(each.completions for each in sealed), len(fresh["step"])]
    ends = accumulate(lengths, initial=0)
    slices = [slice(start, end) for start, end in pairwise(ends)]
    segments = list(zip([*(each.pk for each in sealed), None], slices, strict=True))
    known = [name for name in names if name in packed or name in fresh]
    sealed_size = sum(lengths[:-1])
    return segments, {
        name: _joined(
            packed.get(name, missing(name, 0 if name in packed else sealed_size)),
            fresh.get(name, missing(name, 0 if name in fresh else lengths[-1])),
        )
        for name in known
    }


def _loose(segments: Sequence[int]) -> list[tuple[Any, ...]]:
    """The groups of segments that are not sealed, in the order in which they were written."""
    if not segments:
        return []
    groups = Group.objects.filter(segment__in=segments).order_by("pk")
    return list(groups.values_list(*READ))


def _joined(packed: Array, fresh: Array) -> Array:
    return np.concatenate([packed, fresh]) if len(fresh) else packed


def _no_unknown_part(names: Collection[str], columns: Columns) -> None:
    unknown = sorted(name for name in names if name.startswith(PART) and name not in columns)
    if unknown and len(columns["step"]):
        raise InvalidError(
            f"No reward of this run has a part “{unknown[0].removeprefix(PART)[:80]}”: "
            "the page of a group shows which parts there are.",
            path="where",
        )
    columns |= {name: np.empty(0, np.float32) for name in unknown}
