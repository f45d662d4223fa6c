"""What is written and read: curves as a trainer's are, noise around something that moves slowly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WATCHED = ("reward/mean", "optim/loss", "optim/grad_norm", "kl/mean", "entropy/mean",
           "groups/flat", "completion/truncated", "completion/length_mean")  # fmt: skip
"""Names that a new run's rules look at are among them."""
LINE = "line/spiked"
SPIKE = 7.0
"""Ten times what the line else comes to, at one step."""


def names_of(values: Floats) -> list[str]:
    """Of the columns. A single one is the line with the spike."""
    count = values.shape[1]
    if count == 1:
        return [LINE]
    return [*WATCHED, *(f"load/metric_{number:02d}" for number in range(count))][:count]


def curves(seed: int, steps: int, count: int) -> Floats:
    """[steps, count] around 0.5, every number of full double precision."""
    rng = np.random.default_rng(seed)
    periods = rng.uniform(300, 3000, count)
    level = 0.5 + 0.1 * np.sin(np.arange(steps)[:, None] / periods)
    return level + rng.normal(0, 0.02, (steps, count))


def spiked(steps: int) -> Floats:
    """[steps, 1] with one point that is `SPIKE`, somewhere past the middle."""
    values = curves(1, steps, 1)
    values[int(steps * 0.6173), 0] = SPIKE
    return values


def save(folder: Path, name: str, values: Floats) -> str:
    path = folder / f"{name}.npy"
    np.save(path, values)
    return str(path)


def times_of(steps: int) -> list[float]:
    """When each step was told: every half second or so, in Unix time."""
    rng = np.random.default_rng(2)
    times: list[float] = (1_790_000_000 + rng.uniform(0.4, 0.6, steps).cumsum()).tolist()
    return times
