"""Importance sampling between the sampler and the trainer.

Both hold the same weights, and yet may give a token different probabilities: another dtype, other
kernels, another engine. The gradient of what was sampled is that of the trainer's policy once each
token is weighed by trainer / sampler (Yao et al. 2025, “Your efficient RL framework secretly brings
you off-policy RL training”); weights are bounded so that a few tokens do not rule the step.

B completions, T time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from training.config import CorrectionConfig
from training.grpo.ratio import safe_exp


@dataclass(frozen=True)
class Correction:
    """By token [B, T], or [B, 1] where a completion has one ratio."""

    ratio: Tensor
    """Trainer's probability over the sampler's, as it is."""
    weight: Tensor
    """What the loss is multiplied by."""
    bounded: Tensor
    """Bool: where the two differ."""


def correction(difference_BT: Tensor, config: CorrectionConfig | None) -> Correction:
    """`difference_BT`: the trainer's log-probability, when the completion was sampled, less the
    sampler's; 0 outside the completion. Without a config every weight is 1."""
    if config is None:
        ratio = safe_exp(difference_BT)
        return Correction(ratio, torch.ones_like(ratio), torch.zeros_like(ratio, dtype=torch.bool))
    if config.level == "sequence":
        difference_BT = difference_BT.sum(1, keepdim=True)
    # Compared as logarithms: the product of a long completion's ratios overflows easily.
    bounded = difference_BT > math.log(config.max)
    if config.min is not None:
        bounded |= difference_BT < math.log(config.min)
    ratio = safe_exp(difference_BT)
    within = config.max if config.mode == "truncate" else 0.0
    return Correction(ratio, ratio.masked_fill(bounded, within), bounded)
