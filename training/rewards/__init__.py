"""Rule rewards: one a file, and their weighted sum."""

from __future__ import annotations

from dataclasses import dataclass

from training.config import RewardConfig
from training.rewards.accuracy import accuracy
from training.rewards.format import format_reward
from training.tasks import Problem, Task

REWARDS = {"accuracy": accuracy, "format": format_reward}


@dataclass(frozen=True)
class Reward:
    total: float
    parts: dict[str, float]
    """Each reward before weighting, by name."""


def score(
    completion: str, problem: Problem, task: Task, config: RewardConfig, *, ended: bool
) -> Reward:
    """Reward one completion. One that was cut off (`ended` false) has not got the form."""
    parts = {name: reward(completion, problem, task) for name, reward in REWARDS.items()}
    if not ended:
        parts["format"] = 0.0
    total = sum(float(getattr(config, name)) * value for name, value in parts.items())
    return Reward(total, parts)


__all__ = ["REWARDS", "Reward", "score"]
