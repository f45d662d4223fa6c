"""What is scored, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from training.tasks import Problem

TIMED_OUT = "timed out"
"""How the error of a reward begins that took longer than it may."""


class RewardError(RuntimeError):
    """The rewards of a run cannot be computed; the message names the config field."""


@dataclass(frozen=True)
class Candidate:
    """One completion, as far as rewards may look at it."""

    text: str
    """Without prompt and end token."""
    tokens: int
    """Length, the end token included."""
    max_tokens: int
    """The longest it could have become."""
    ended: bool
    """False when it was cut off."""


@dataclass(frozen=True)
class Reward:
    """What one completion got."""

    parts: dict[str, float | None]
    """Each reward before weighting, by name; None where it could not be computed."""
    errors: dict[str, str]
    """Why, for each part that is None."""
    total: float | None
    """The weighted sum. None when a part that has a weight is missing: no number would be true."""

    @property
    def scored(self) -> dict[str, float]:
        """The parts that there are."""
        return {name: part for name, part in self.parts.items() if part is not None}


Grader = Callable[[Sequence[tuple[Problem, Candidate]]], Sequence[float | str]]
"""Grades many completions in one call: a number, or the reason why there is none, for each."""


def combine(
    parts: Mapping[str, float], errors: Mapping[str, str], weights: Mapping[str, float]
) -> Reward:
    """The reward of one completion. A part that is not finite is an error as well."""
    odd = {name: f"gave {part}" for name, part in parts.items() if not math.isfinite(part)}
    errors = {**odd, **errors}
    scored = {name: part for name, part in parts.items() if name not in errors}
    total = None
    if not any(weights.get(name) for name in errors):
        total = sum(weights[name] * part for name, part in scored.items())
    return Reward({**scored, **dict.fromkeys(errors)}, errors, total)
