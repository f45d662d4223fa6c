"""Pairs of completions of one prompt, of which the rewards say which is the better one."""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

from training.grpo.rollouts import Group


class Pair(NamedTuple):
    """Numbers of two completions of a group."""

    better: int
    worse: int


def pair_of(group: Group, least_gap: float) -> Pair | None:
    """The pair whose rewards differ by `least_gap` or more and whose lengths differ least, so that
    length is not what is learned; of equal ones the one with the largest gap. None without one."""
    totals = [reward.total for reward in group.rewards]
    lengths = [len(one.tokens) for one in group.completions]
    found = [
        (abs(lengths[better] - lengths[worse]), -(high - low), Pair(better, worse))
        for better, worse in permutations(range(len(totals)), 2)
        if (high := totals[better]) is not None
        and (low := totals[worse]) is not None
        and high - low >= least_gap
    ]
    return min(found)[2] if found else None
