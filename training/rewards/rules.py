"""The rewards that workers compute: which there are, how they are called, what they weigh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.config import Language, LengthConfig, RewardConfig
from training.rewards.accuracy import accuracy, parsed_of, why_wrong
from training.rewards.custom import load_custom
from training.rewards.form import why_not
from training.rewards.format import format_reward
from training.rewards.language import language_share, words_amiss
from training.rewards.length import cosine_length
from training.rewards.overlong import soft_overlong
from training.rewards.repetition import repeated, repetition
from training.rewards.reward import Candidate, Given, RewardError
from training.rewards.tag_count import tag_count, tags_amiss
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

Rule = Callable[[Case], Given]
"""Gives one part or more, by name. May raise anything, take for ever, or end its process."""
LONGEST_PARSED = 1000
"""Characters of an answer that are told."""


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
    every: dict[str, Callable[[Case], tuple[float, str]]] = {
        "format": lambda case: _format(case.candidate),
        "tag_count": lambda case: (tag_count(case.candidate.text), tags_amiss(case.candidate.text)),
        "language": lambda case: _language(case.candidate.text, config.language.target),
        "length": lambda case: _length(case, config.length),
        "repetition": lambda case: _repetition(case.candidate.text, config.repetition.ngram),
        "overlong": lambda case: _overlong(case.candidate, config.overlong.buffer_tokens),
    }
    rules: dict[str, Rule] = {"accuracy": lambda case: _accuracy(case, task)}
    rules |= {name: _alone(name, part) for name, part in every.items()}
    if config.custom:
        custom = load_custom(config.custom)
        rules["custom"] = lambda case: Given(custom(case.candidate, case.problem))
    return {name: rules[name] for name in parts_of(config)}


def _accuracy(case: Case, task: Task) -> Given:
    text, problem = case.candidate.text, case.problem
    part = accuracy(text, problem, task)
    parsed = parsed_of(text, problem, task)
    return Given(
        {"accuracy": part},
        "" if part == 1.0 else why_wrong(text, problem, task),
        None if parsed is None else parsed[:LONGEST_PARSED],
    )


def _format(seen: Candidate) -> tuple[float, str]:
    cut = "" if seen.ended else "cut off at the length limit"
    return format_reward(seen.text, ended=seen.ended), why_not(seen.text) or cut


def _language(text: str, target: Language) -> tuple[float, str]:
    return language_share(text, target), words_amiss(text, target)


def _repetition(text: str, ngram: int) -> tuple[float, str]:
    return repetition(text, ngram), repeated(text, ngram)


def _length(case: Case, config: LengthConfig) -> tuple[float, str]:
    if "accuracy" not in case.parts:
        raise RewardError("it depends on accuracy, which could not be computed")
    seen, right = case.candidate, case.parts["accuracy"] == 1.0
    part = cosine_length(seen.tokens, seen.max_tokens, right, config)
    return part, f"{'right' if right else 'wrong'}, {seen.tokens} of {seen.max_tokens} tokens"


def _overlong(seen: Candidate, buffer_tokens: int) -> tuple[float, str]:
    part = soft_overlong(seen.tokens, seen.max_tokens, buffer_tokens)
    over = seen.tokens - (seen.max_tokens - buffer_tokens)
    return part, f"{over} tokens into the last {buffer_tokens}" if part < 0 else ""


def _alone(name: str, part: Callable[[Case], tuple[float, str]]) -> Rule:
    def rule(case: Case) -> Given:
        value, reason = part(case)
        return Given({name: value}, reason)

    return rule
