"""The loss of a part of a step: policy term, correction, KL, and how tokens are added up.

B completions, T time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.config import GrpoConfig
from training.grpo.aggregation import Whole, aggregate
from training.grpo.correction import Correction, correction
from training.grpo.kl import k3
from training.grpo.losses import PolicyTerm, Tokens, policy_term
from training.grpo.ratio import sequence_mean
from training.grpo.tally import Tally


@dataclass(frozen=True)
class Scored:
    """What the loss needs to know of a part's completions."""

    logprobs_BT: Tensor
    """Of the policy in training, with its graph."""
    old_BT: Tensor
    """By the trainer's forward, before any update on their collection."""
    sampled_BT: Tensor
    """What the sampler said."""
    ref_BT: Tensor | None
    """Of the reference policy; None leaves the KL out."""
    advantages_B: Tensor
    mask_BT: Tensor
    """Bool: tokens that count. Elsewhere the others may hold anything."""


def part_loss(scored: Scored, config: GrpoConfig, whole: Whole) -> tuple[Tensor, Tally]:
    """This part's share of the step's loss, and what to tell of its tokens.

    (policy term × correction's weight + β k3), added up as `config.loss.aggregation` says.
    """
    mask_BT = scored.mask_BT
    # Masked before any exponential: what stands in the padding must not overflow into a sum.
    logprobs_BT = scored.logprobs_BT.where(mask_BT, 0.0)
    old_BT = scored.old_BT.where(mask_BT, 0.0)
    advantages_B1 = scored.advantages_B[:, None]
    tokens = Tokens(logprobs_BT, logprobs_BT - old_BT, advantages_B1, mask_BT)
    term = policy_term(tokens, config.loss)
    difference_BT = old_BT - scored.sampled_BT.where(mask_BT, 0.0)
    corrected = correction(difference_BT, config.correction)
    how = config.loss.aggregation
    policy = aggregate((term.loss * corrected.weight).expand_as(mask_BT), mask_BT, how, whole)
    loss, kl_BT = policy, torch.zeros_like(logprobs_BT)
    if scored.ref_BT is not None:
        kl_BT = k3(logprobs_BT, scored.ref_BT.where(mask_BT, 0.0))
        loss = policy + config.kl_coef * aggregate(kl_BT, mask_BT, how, whole)
    tally = Tally()
    tally.add({"loss": loss, "policy": policy, "kl": kl_BT.sum(), "tokens": mask_BT.sum()})
    _tell_clips(tally, term, mask_BT)
    _tell_sampler(tally, difference_BT, corrected, mask_BT)
    return loss, tally


def _tell_clips(tally: Tally, term: PolicyTerm, mask_BT: Tensor) -> None:
    """Tokens whose gradient was clipped, and the least and most of a completion's share."""
    some_B = mask_BT.any(1)
    for name, clipped in (("clip_low", term.low), ("clip_high", term.high)):
        clipped_BT = clipped & mask_BT
        tally.add({name: clipped_BT.sum()})
        tally.spread(name, sequence_mean(clipped_BT.double(), mask_BT)[some_B])


def _tell_sampler(
    tally: Tally, difference_BT: Tensor, corrected: Correction, mask_BT: Tensor
) -> None:
    """How far sampler and trainer stood apart; ratios by token, or by completion if one has one."""
    counts = mask_BT if corrected.ratio.shape == mask_BT.shape else mask_BT.any(1, keepdim=True)
    ratios = corrected.ratio[counts]
    tally.add(
        {
            "sampler_difference": difference_BT.abs().sum(),
            "ratios": counts.sum(),
            "ratio": ratios.sum(),
            "weight": corrected.weight[counts].sum(),
            "bounded": corrected.bounded[counts].sum(),
        }
    )
    tally.spread("sampler_difference", difference_BT.abs()[mask_BT])
    tally.spread("sampler_ratio", ratios)
