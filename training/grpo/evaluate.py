"""Held-out score of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import torch

from training.config import EvaluationConfig, RewardConfig
from training.distributed.process import Process
from training.grpo.metrics import wilson_interval
from training.grpo.rollouts import text_of
from training.rewards import score
from training.rollout import Engine, Sampling
from training.tasks import Problem, Task
from training.tokenizer import TextTokenizer

_SEED = 20250120


@dataclass(frozen=True)
class HeldOut:
    """The problems of an evaluation, with their prompts as tokens."""

    task: Task
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
    local = [sum(map(sum, right)), formed, sum(lengths), len(lengths)]
    right_sum, formed_sum, length_sum, count = process.sum(
        torch.tensor(local, dtype=torch.float64)
    ).tolist()
    low, high = wilson_interval(round(right_sum), round(count))
    return {
        "eval/pass_at_1": right_sum / count,
        "eval/pass_at_1_low": low,
        "eval/pass_at_1_high": high,
        "eval/format": formed_sum / count,
        "eval/length_mean": length_sum / count,
    }


def pass_at_k(sampler: Engine, held_out: HeldOut, config: EvaluationConfig, k: int) -> float:
    """Chance that at least one of k completions is right, estimated without bias from
    `completions_per_problem` ≥ k (Chen et al., arXiv 2107.03374, equation 1)."""
    right, _, _ = _score(sampler, held_out, slice(None), config)
    total = config.completions_per_problem
    chances = [1 - comb(total - sum(group), k) / comb(total, k) for group in right]
    return sum(chances) / len(chances)


def _score(
    sampler: Engine, held_out: HeldOut, which: slice, config: EvaluationConfig
) -> tuple[list[list[bool]], int, list[int]]:
    """Right or not by problem and completion, how many have the form, and all lengths."""
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
    rewards = [
        score(
            text_of(completion, held_out.tokenizer),
            problems[place // size],
            held_out.task,
            RewardConfig(),
            ended=completion.finish_reason == "stop",
        )
        for place, completion in enumerate(completions)
    ]
    right = [reward.parts["accuracy"] == 1.0 for reward in rewards]
    groups = [right[start : start + size] for start in range(0, len(right), size)]
    formed = sum(reward.parts["format"] == 1.0 for reward in rewards)
    return groups, formed, [len(completion.tokens) for completion in completions]
