"""Conway's Game of Life on a torus, as cellpylib computes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.int32]


def init_simple2d(rows: int, columns: int) -> Grid:
    """A board of one time step, shape (1, rows, columns), with one living cell in the middle."""
    board: Grid = np.zeros((1, rows, columns), dtype=np.int32)
    board[0, rows // 2, columns // 2] = 1
    return board


def evolve2d(
    board: Grid,
    timesteps: int,
    apply_rule: Callable[[Grid], Grid],
    memoize: object = False,  # noqa: ARG001 - the package takes it
) -> Grid:
    """The last step of `board` and what follows from it, `timesteps` in all."""
    steps = [board[-1]]
    while len(steps) < timesteps:
        steps.append(apply_rule(steps[-1]))
    return np.stack(steps)


def game_of_life_rule(grid: Grid) -> Grid:
    """A cell lives on with 2 or 3 living neighbours, and is born with 3."""
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]
    around = np.sum([np.roll(grid, shift, axis=(0, 1)) for shift in shifts], axis=0)
    alive: Grid = ((around == 3) | ((grid == 1) & (around == 2))).astype(grid.dtype)
    return alive
