"""Few distinct sizes for what varies from step to step."""

from __future__ import annotations

TILE = 16
"""Rows of a matrix tile."""


def bucket(count: int) -> int:
    """`count` rounded up to an eighth of a power of two, at least a whole tile.

    oneDNN compiles a plan for each shape it meets, which takes 1 to 15 ms: more than most of the
    products. Rounding costs 6 % more rows on average and leaves eight sizes per doubling.
    """
    step = max(TILE, 1 << max(0, (count - 1).bit_length() - 4))
    return max(1, -(-count // step)) * step
