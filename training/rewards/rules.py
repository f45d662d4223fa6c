"""The rewards that workers compute: which there are, how they are called, what they weigh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.config import LengthConfig, RewardConfig
from training.rewards.accuracy import accuracy
from training.rewards.custom import load_custom
from training.rewards.format import format_reward
from training.rewards.language import language_share
from training.rewards.length import cosine_length
from training.rewards.overlong import soft_overlong
from training.rewards.repetition import repetition
from training.rewards.reward import Candidate, RewardError
from training.rewards.tag_count import tag_count
from training.tasks import Problem, Task


@dataclass(frozen=True)
class Case:
    """What a rule may look at."""

    candidate: Candidate
    problem: Problem
    parts: Mapping[str, float]
    """What the rules before it gave."""


_ELSEWHERE = ("model", "judge")
"""Parts that no worker computes."""

Rule = Callable[[Case], Mapping[str, float]]
"""Gives one part or more, by name. May raise anything, take for ever, or end its process."""


def parts_of(config: RewardConfig) -> dict[str, tuple[str, ...]]:
    """The parts that each rule gives, by the rule's name and in the order they are computed."""
    own = tuple(config.custom.weights) if config.custom else ()
    parts: dict[str, tuple[str, ...]] = {
        name: (name,) for name in config.weights if name not in (*own, *_ELSEWHERE)
    }
    return {**parts, "custom": own} if own else parts


def build_rules(config: RewardConfig, task: Task) -> dict[str, Rule]:
    """The same rules as `parts_of` names, in the same order.

    Raises RewardError for a reward that cannot be made.
    """
    every: dict[str, Callable[[Case], float]] = {
        "accuracy": lambda case: accuracy(case.candidate.text, case.problem, task),
        "format": lambda case: format_reward(case.candidate.text, ended=case.candidate.ended),
        "tag_count": lambda case: tag_count(case.candidate.text),
        "language": lambda case: language_share(case.candidate.text, config.language.target),
        "length": lambda case: _length(case, config.length),
        "repetition": lambda case: repetition(case.candidate.text, config.repetition.ngram),
        "overlong": lambda case: soft_overlong(
            case.candidate.tokens, case.candidate.max_tokens, config.overlong.buffer_tokens
        ),
    }
    rules = {name: _alone(name, every[name]) for name in parts_of(config) if name in every}
    if config.custom:
        custom = load_custom(config.custom)
        rules["custom"] = lambda case: custom(case.candidate, case.problem)
    return rules


def _length(case: Case, config: LengthConfig) -> float:
    if "accuracy" not in case.parts:
        raise RewardError("it depends on accuracy, which could not be computed")
    seen = case.candidate
    return cosine_length(seen.tokens, seen.max_tokens, case.parts["accuracy"] == 1.0, config)


def _alone(name: str, part: Callable[[Case], float]) -> Rule:
    return lambda case: {name: part(case)}
