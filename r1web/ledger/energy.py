"""Shares measured energy out among phases, in whole numbers and without loss."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

K = TypeVar("K")


class Energy(NamedTuple):
    """What an attempt's GPUs on one node took since they were measured before."""

    mj: int
    """Millijoules."""
    device_ms: int
    """Milliseconds times GPUs; 0 the first time."""


def shared_out(total: int, among: Mapping[K, int]) -> dict[K, int]:
    """Whole parts of `total` in proportion to `among`, none of which is negative; they add up to
    it unless all of those are 0."""
    weight = sum(among.values())
    parts: dict[K, int] = {}
    passed = given = 0
    for key, part in among.items():
        passed += part
        upto = total * passed // weight if weight else 0
        parts[key], given = upto - given, upto
    return parts
