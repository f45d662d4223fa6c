"""The rewards that workers compute: which there are, how they are called, what they weigh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.config import RewardConfig
from training.rewards.accuracy import accuracy
from training.rewards.format import format_reward
from training.rewards.reward import Candidate
from training.tasks import Problem, Task


@dataclass(frozen=True)
class Case:
    """What a rule may look at."""

    candidate: Candidate
    problem: Problem
    parts: Mapping[str, float]
    """What the rules before it gave."""


Rule = Callable[[Case], Mapping[str, float]]
"""Gives one part or more, by name. May raise anything, take for ever, or end its process."""


def weights(config: RewardConfig) -> dict[str, float]:
    """The parts that a run measures with their weights, in the order they are computed.

    Accuracy and format are always measured: charts and evaluation need them.
    """
    return {"accuracy": config.accuracy, "format": config.format}


def parts_of(config: RewardConfig) -> dict[str, tuple[str, ...]]:
    """The parts that each rule gives, by the rule's name and in the order they are computed."""
    return {name: (name,) for name in weights(config)}


def build_rules(config: RewardConfig, task: Task) -> dict[str, Rule]:
    """The same rules as `parts_of` names, in the same order."""
    every: dict[str, Callable[[Case], float]] = {
        "accuracy": lambda case: accuracy(case.candidate.text, case.problem, task),
        "format": lambda case: format_reward(case.candidate.text, ended=case.candidate.ended),
    }
    return {name: _alone(name, every[name]) for name in parts_of(config)}


def _alone(name: str, part: Callable[[Case], float]) -> Rule:
    return lambda case: {name: part(case)}
