"""From prompts to scored completions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from training.config import AdvantageScale
from training.grpo.advantage import advantages, is_flat
from training.grpo.portion import Portion
from training.rewards import Candidate, Reward
from training.rollout import Completion
from training.tasks import Measured, Problem
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Group:
    """One prompt with its completions, or with those of them that one rank writes; lists run over
    the completions."""

    problem: Problem
    prompt: str
    prompt_tokens: list[int]
    completions: list[Completion]
    texts: list[str]
    rewards: list[Reward]
    advantages: list[float] = field(default_factory=list)
    """None yet until the step's groups are compared."""
    number: int = 0
    """Which prompt of the run it is."""
    policy_version: int = 0
    """Optimiser steps the policy had seen that began to write the completions."""
    old_logprobs: list[list[float]] | None = None
    """What the trainer's own forward gave the tokens before any update on their collection. None:
    the policy has not changed since."""

    @property
    def fingerprint(self) -> str | None:
        """Of the weights that wrote it, where they were handed over to a sampler."""
        weights = self.completions[0].weights
        return None if weights is None else weights.fingerprint


def text_tokens(completion: Completion) -> list[int]:
    """The tokens that its text is of: all but an end token."""
    ended = completion.finish_reason == "stop" and completion.stop is None
    return completion.tokens[:-1] if ended else completion.tokens


def text_of(completion: Completion, tokenizer: TextTokenizer) -> str:
    """Decoded text without the end token."""
    return tokenizer.decode(text_tokens(completion))


def candidate(completion: Completion, tokenizer: TextTokenizer, max_tokens: int) -> Candidate:
    """What rewards see of a completion that could have become `max_tokens` long."""
    return Candidate(
        text=text_of(completion, tokenizer),
        tokens=len(completion.tokens),
        max_tokens=max_tokens,
        ended=completion.finish_reason == "stop",
    )


def total(reward: Reward) -> float:
    """NaN for a completion that could not be scored."""
    return math.nan if reward.total is None else reward.total


def rewards_of(groups: list[Group]) -> Tensor:
    """Their totals, fp64 [P, G]; NaN where a completion could not be scored."""
    totals = [[total(reward) for reward in group.rewards] for group in groups]
    return torch.tensor(totals, dtype=torch.float64)


def part_flat(groups: list[Group]) -> tuple[list[Group], list[Group]]:
    """Those whose completions differ in reward; and the others, which teach nothing, with
    advantages of 0."""
    flat_P = is_flat(rewards_of(groups)).tolist() if groups else []
    parts: tuple[list[Group], list[Group]] = ([], [])
    for group, flat in zip(groups, flat_P, strict=True):
        nothing = replace(group, advantages=[0.0] * len(group.completions))
        parts[flat].append(nothing if flat else group)
    return parts


def joined(parts: Sequence[Group]) -> Group:
    """A whole group of what several ranks have written of it, in their order."""
    old = [part.old_logprobs for part in parts if part.old_logprobs is not None]
    return replace(
        parts[0],
        completions=[*chain.from_iterable(part.completions for part in parts)],
        texts=[*chain.from_iterable(part.texts for part in parts)],
        rewards=[*chain.from_iterable(part.rewards for part in parts)],
        advantages=[*chain.from_iterable(part.advantages for part in parts)],
        old_logprobs=[*chain.from_iterable(old)] if old else None,
    )


def compared(
    groups: list[Group],
    scale: AdvantageScale,
    portion: Portion,
    sum_ranks: Callable[[Tensor], Tensor],
) -> list[Group]:
    """A rank's groups of a step with their advantages, which follow from the rewards of the whole
    step. `sum_ranks` adds a tensor up over the ranks: all call this together."""
    rewards_PG = portion.whole(rewards_of(groups), sum_ranks)
    mine = portion.own(advantages(rewards_PG, scale)).tolist()
    return [replace(group, advantages=row) for group, row in zip(groups, mine, strict=True)]


def as_sampled(groups: list[Group]) -> list[Group]:
    """With the sampler's own log-probabilities as the old policy's: it is no longer at hand."""
    return [
        replace(group, old_logprobs=[member.logprobs for member in group.completions])
        for group in groups
    ]


def pass_rates(groups: list[Group], share: Callable[[Sequence[Any]], list[Any]]) -> list[Measured]:
    """How the problem of each group of all ranks went, in the order of their numbers; nothing of a
    group of which no answer could be judged. `share` tells every rank what all have: they call this
    together."""
    found: dict[int, tuple[Measured, list[bool]]] = {}
    mine = [(group.number, Measured.of(group.problem, 0.0), _judged(group)) for group in groups]
    for number, measured, judged in share(mine):
        found.setdefault(number, (measured, []))[1].extend(judged)
    return [
        measured._replace(pass_rate=sum(judged) / len(judged))
        for _, (measured, judged) in sorted(found.items())
        if judged
    ]


def _judged(group: Group) -> list[bool]:
    """Which answers are right, of those that could be judged."""
    parts = [reward.parts["accuracy"] for reward in group.rewards]
    return [part == 1.0 for part in parts if part is not None]
