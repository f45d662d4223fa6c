"""Held-out score of a policy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import comb

import torch

from training.config import EvaluationConfig
from training.distributed.process import Process
from training.grpo.metrics import wilson_interval
from training.grpo.rollouts import candidate
from training.rewards import RewardPool
from training.rollout import Engine, Sampling
from training.tasks import Problem
from training.tokenizer import TextTokenizer

_SEED = 20250120


@dataclass(frozen=True)
class HeldOut:
    """The problems of an evaluation, with their prompts as tokens."""

    rewards: RewardPool
    tokenizer: TextTokenizer
    problems: list[Problem]
    prompts: list[list[int]]
    max_new_tokens: int


def evaluate(
    sampler: Engine, held_out: HeldOut, config: EvaluationConfig, process: Process
) -> dict[str, float]:
    """pass@1 with its 95 % interval, form and length; every rank does its share, all get all.

    The seed never changes, so that two policies are compared on the same luck.
    """
    mine = slice(process.rank, None, process.world_size)
    right, formed, lengths = _score(sampler, held_out, mine, config)
    local = [sum(map(sum, right)), sum(map(len, right)), formed, sum(lengths), len(lengths)]
    right_sum, scored, formed_sum, length_sum, count = process.sum(
        torch.tensor(local, dtype=torch.float64)
    ).tolist()
    low, high = wilson_interval(round(right_sum), round(scored)) if scored else (0.0, 1.0)
    return {
        "eval/pass_at_1": right_sum / scored if scored else math.nan,
        "eval/pass_at_1_low": low,
        "eval/pass_at_1_high": high,
        "eval/format": formed_sum / count,
        "eval/length_mean": length_sum / count,
        "eval/errors": count - scored,
    }


def pass_at_k(sampler: Engine, held_out: HeldOut, config: EvaluationConfig, k: int) -> float:
    """Chance that at least one of k completions is right, estimated without bias from
    `completions_per_problem` ≥ k (Chen et al., arXiv 2107.03374, equation 1)."""
    right, _, _ = _score(sampler, held_out, slice(None), config)
    chances = [
        1 - comb(len(group) - sum(group), k) / comb(len(group), k)
        for group in right
        if len(group) >= k
    ]
    return sum(chances) / len(chances) if chances else math.nan


def _score(
    sampler: Engine, held_out: HeldOut, which: slice, config: EvaluationConfig
) -> tuple[list[list[bool]], int, list[int]]:
    """Right or not by problem and completion, as far as that could be told; how many have the
    form; and all lengths."""
    problems, prompts = held_out.problems[which], held_out.prompts[which]
    if not problems:
        return [], 0, []
    size = config.completions_per_problem
    completions = sampler.generate(
        prompts,
        group_size=size,
        sampling=Sampling(held_out.max_new_tokens, config.temperature, config.top_p),
        seeds=[_SEED + number for number in range(len(held_out.problems))[which]],
        eos_id=held_out.tokenizer.eos_id,
    )
    seen = [candidate(one, held_out.tokenizer, held_out.max_new_tokens) for one in completions]
    keys = [("held out", place) for place in range(len(problems))]
    for key, problem in zip(keys, problems, strict=True):
        group = seen[key[1] * size : (key[1] + 1) * size]
        held_out.rewards.submit(key, problem, group, only=("accuracy", "format"))
    rewards = held_out.rewards.collect(keys)
    groups = [
        [part == 1.0 for reward in rewards[key] if (part := reward.parts["accuracy"]) is not None]
        for key in keys
    ]
    formed = sum(reward.parts["format"] == 1.0 for key in keys for reward in rewards[key])
    return groups, formed, [len(completion.tokens) for completion in completions]
