"""Learning rates over a run."""

from __future__ import annotations

import math


def warmup(step: int, warmup_steps: int) -> float:
    """Factor at `step` (from 1): rises linearly to 1 over `warmup_steps`."""
    return min(1.0, step / warmup_steps) if warmup_steps else 1.0


def warmup_then_decay(step: int, warmup_steps: int, total_steps: int) -> float:
    """Like `warmup`, then down to 0 along a straight line that ends after `total_steps`."""
    left = (total_steps - step + 1) / max(1, total_steps - warmup_steps)
    return min(warmup(step, warmup_steps), left)


def cosine(step: int, warmup_steps: int, total_steps: int, first: float, last: float) -> float:
    """Learning rate at `step` (from 1): rises to `first` over `warmup_steps`, then falls along half
    a cosine to `last`, which step `total_steps` has."""
    if step <= warmup_steps:
        return first * warmup(step, warmup_steps)
    passed = (step - warmup_steps - 1) / max(1, total_steps - warmup_steps - 1)
    return last + (first - last) * (1 + math.cos(math.pi * passed)) / 2
