"""What is scored, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
    parsed: str | None = None
    """What the verifier read as the answer; None when it found none or was not asked."""
    reasons: dict[str, str] | None = None
    """Why parts are what they are, by the rule's name, where it says so. None in what an earlier
    version left in a checkpoint."""

    @property
    def scored(self) -> dict[str, float]:
        """The parts that there are."""
        return {name: part for name, part in self.parts.items() if part is not None}


class Given(NamedTuple):
    """What a rule says of a completion."""

    parts: Mapping[str, float]
    reason: str = ""
    """In a few words, for people; empty where the number says it all."""
    parsed: str | None = None
    """What the verifier read as the answer."""


@dataclass
class Scores:
    """What is known of a completion so far: plain data, which workers send as JSON."""

    parts: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """Why other parts could not be computed."""
    reasons: dict[str, str] = field(default_factory=dict)
    parsed: str | None = None


Grader = Callable[[Sequence[tuple[Problem, Candidate]]], Sequence[float | str]]
"""Grades many completions in one call: a number, or the reason why there is none, for each."""


def combine(scores: Scores, weights: Mapping[str, float]) -> Reward:
    """The reward of one completion. A part that is not finite is an error as well."""
    odd = {name: f"gave {part}" for name, part in scores.parts.items() if not math.isfinite(part)}
    errors = {**odd, **scores.errors}
    scored = {name: part for name, part in scores.parts.items() if name not in errors}
    total = None
    if not any(weights.get(name) for name in errors):
        total = sum(weights[name] * part for name, part in scored.items())
    parts = {**scored, **dict.fromkeys(errors)}
    return Reward(parts, errors, total, scores.parsed, scores.reasons)
