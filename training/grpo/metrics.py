"""What a step tells about itself, by the names the charts know."""

from __future__ import annotations

import math
from collections import Counter
from statistics import fmean, pstdev

from torch import Tensor

from training.events import CompletionRecord
from training.rewards import TIMED_OUT


def rollout_metrics(groups: list[list[CompletionRecord]]) -> dict[str, float]:
    """Rewards, lengths and how much the groups can teach; each inner list is one group."""
    everyone = [completion for group in groups for completion in group]
    lengths = [completion.length for completion in everyone]
    right = [
        [completion.rewards.get("accuracy") == 1.0 for completion in group] for group in groups
    ]
    totals = [[c.reward for c in group if not math.isnan(c.reward)] for group in groups]
    every_total = [total for group in totals for total in group]
    flat = [len(set(group)) <= 1 for group in totals]
    values = {
        "reward/mean": _mean(every_total),
        "reward/std": pstdev(every_total) if every_total else math.nan,
        "reward/group_max_mean": _mean([max(group) for group in totals if group]),
        "completion/length_mean": fmean(lengths),
        "completion/length_min": float(min(lengths)),
        "completion/length_max": float(max(lengths)),
        "completion/truncated": fmean(c.finish_reason == "length" for c in everyone),
        "groups/flat": fmean(flat),
        "groups/solved_all": fmean(all(group) for group in right),
        "groups/solved_none": fmean(not any(group) for group in right),
    }
    return values | _ended_lengths(everyone) | reward_parts(everyone)


def _ended_lengths(completions: list[CompletionRecord]) -> dict[str, float]:
    """Lengths of the completions that were not cut off; nothing when all were."""
    lengths = [c.length for c in completions if c.finish_reason == "stop"]
    if not lengths:
        return {}
    return {
        "completion/ended_length_mean": fmean(lengths),
        "completion/ended_length_min": float(min(lengths)),
        "completion/ended_length_max": float(max(lengths)),
    }


def reward_parts(completions: list[CompletionRecord]) -> dict[str, float]:
    """Mean and deviation of each part over those that have it; how many parts there are not."""
    values = {}
    names = {name: None for c in completions for name in (*c.rewards, *c.reward_errors)}
    for name in names:
        scored = [c.rewards[name] for c in completions if name in c.rewards]
        values[f"reward/{name}"] = _mean(scored)
        values[f"reward/{name}_std"] = pstdev(scored) if scored else math.nan
    reasons = [reason for c in completions for reason in c.reward_errors.values()]
    values["reward/errors"] = float(len(reasons))
    values["reward/timeouts"] = float(sum(reason.startswith(TIMED_OUT) for reason in reasons))
    return values


def reward_warnings(groups: list[list[CompletionRecord]]) -> list[str]:
    """A sentence about rewards that could not be computed; none when all could."""
    errors = Counter(error for group in groups for c in group for error in c.reward_errors.items())
    if not errors:
        return []
    (name, reason), times = errors.most_common(1)[0]
    others = errors.total() - times
    rest = f", and {others} for other reasons" if others else ""
    why = reason.rstrip(".")
    return [f"{times} times the reward “{name}” could not be computed ({why}){rest}."]


def _mean(values: list[float]) -> float:
    """NaN where nothing was scored."""
    return fmean(values) if values else math.nan


def update_metrics(totals: dict[str, float]) -> dict[str, float]:
    """Loss, KL, entropy, clipped shares and the sampler's distance, from the step's sums and
    extremes (training/grpo/loss.py)."""
    tokens, ratios = max(1.0, totals["tokens"]), max(1.0, totals["ratios"])
    values = {
        "optim/loss": totals["loss"],
        "optim/policy_loss": totals["policy"],
        "kl/mean": totals["kl"] / tokens,
        "entropy/mean": totals["entropy"] / tokens,
        "clip/fraction": (totals["clip_low"] + totals["clip_high"]) / tokens,
        "clip/low_mean": totals["clip_low"] / tokens,
        "clip/high_mean": totals["clip_high"] / tokens,
        "sampler/logprob_diff_mean": totals["sampler_difference"] / tokens,
        "sampler/ratio_mean": totals["ratio"] / ratios,
        "sampler/weight_mean": totals["weight"] / ratios,
        "sampler/bounded": totals["bounded"] / ratios,
    }
    extremes = {
        "clip/low_min": "clip_low_min",
        "clip/low_max": "clip_low_max",
        "clip/high_min": "clip_high_min",
        "clip/high_max": "clip_high_max",
        "sampler/logprob_diff_max": "sampler_difference_max",
        "sampler/ratio_min": "sampler_ratio_min",
        "sampler/ratio_max": "sampler_ratio_max",
    }
    return values | {name: totals[source] for name, source in extremes.items() if source in totals}


class Silence:
    """Steps whose groups teach nothing are spoken of once a streak, not each time."""

    def __init__(self) -> None:
        self._lasts = False

    def warnings(self, values: dict[str, float]) -> list[str]:
        """A sentence about the step with these metrics, where one begins the streak."""
        begins = values["groups/flat"] == 1 and not self._lasts
        self._lasts = values["groups/flat"] == 1
        if not begins:
            return []
        if values["groups/solved_all"] == 1:
            return [f"{_ALL_FLAT} all are right: give the run harder problems."]
        if values["groups/solved_none"] == 1:
            return [f"{_ALL_FLAT} none is right: give the run easier problems, or larger groups."]
        return [f"{_ALL_FLAT} raise grpo.group_size, or set grpo.dynamic_sampling."]


_ALL_FLAT = (
    "In every group of this step all completions have the same reward, so that nothing can be "
    "learned from comparing them;"
)


def expert_load(counts_LE: Tensor) -> dict[str, float]:
    """How evenly the step's tokens went to the experts; nothing for a model without any.

    The busiest and the idlest expert's tokens over the mean, averaged over layers (1 and 1: even),
    and how many experts of all layers got none. A layer that did not run does not count.
    """
    counts_LE = counts_LE[counts_LE.sum(1) > 0].double()
    if not len(counts_LE):
        return {}
    mean_L = counts_LE.mean(1)
    return {
        "moe/load_max_over_mean": float((counts_LE.amax(1) / mean_L).mean()),
        "moe/load_min_over_mean": float((counts_LE.amin(1) / mean_L).mean()),
        "moe/dead_experts": float((counts_LE == 0).sum()),
    }


def extra_losses(totals: dict[str, float]) -> dict[str, float]:
    """The losses beside GRPO's that were asked for, from the step's sums and before their weights.

    Multi-token prediction in nats per completion token; balance per completion, summed over layers.
    """
    values = {}
    if "mtp" in totals:
        values["mtp/loss"] = totals["mtp"] / totals["tokens"]
    if "balance" in totals:
        values["moe/balance_loss"] = totals["balance"]
    return values


def acceptance(totals: dict[str, float]) -> dict[str, float]:
    """Share of the tokens guessed by multi-token prediction that the policy kept, when sampling
    was speculative."""
    made = totals.get("guesses_made", 0)
    return {"sampler/acceptance_rate": totals["guesses_stood"] / made} if made else {}


def staleness(step: int, versions: list[int]) -> dict[str, float]:
    """How many optimiser steps the policy has seen that is updated at `step`, beyond those of the
    policies that sampled its groups."""
    behind = [step - 1 - version for version in versions]
    return {"sampler/staleness_mean": fmean(behind), "sampler/staleness_max": float(max(behind))}
