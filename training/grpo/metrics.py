"""What a step tells about itself, by the names the charts know."""

from __future__ import annotations

import math
from statistics import NormalDist, fmean, pstdev

from torch import Tensor

from training.events import CompletionRecord


def rollout_metrics(groups: list[list[CompletionRecord]]) -> dict[str, float]:
    """Rewards, lengths and how much the groups can teach; each inner list is one group."""
    everyone = [completion for group in groups for completion in group]
    totals = [completion.reward for completion in everyone]
    lengths = [completion.length for completion in everyone]
    right = [[completion.rewards["accuracy"] == 1.0 for completion in group] for group in groups]
    flat = [len({completion.reward for completion in group}) == 1 for group in groups]
    values = {
        "reward/mean": fmean(totals),
        "reward/std": pstdev(totals),
        "reward/group_max_mean": fmean(max(c.reward for c in group) for group in groups),
        "completion/length_mean": fmean(lengths),
        "completion/length_max": float(max(lengths)),
        "completion/truncated": fmean(c.finish_reason == "length" for c in everyone),
        "groups/flat": fmean(flat),
        "groups/solved_all": fmean(all(group) for group in right),
        "groups/solved_none": fmean(not any(group) for group in right),
    }
    for name in everyone[0].rewards:
        values[f"reward/{name}"] = fmean(completion.rewards[name] for completion in everyone)
    return values


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


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927)."""
    z = NormalDist().inv_cdf(0.975)
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = (
        z
        / (1 + z * z / total)
        * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    )
    return max(0.0, centre - half), min(1.0, centre + half)
