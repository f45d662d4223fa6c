"""PPO's clipped objective (arXiv 1707.06347, equation 7), on which most variants build."""

from __future__ import annotations

import torch
from torch import Tensor

from training.grpo.losses.term import PolicyTerm
from training.grpo.ratio import safe_exp


def clipped(log_ratio: Tensor, advantages: Tensor, low: float, high: float) -> PolicyTerm:
    """-min(r A, clip(r, 1 - low, 1 + high) A), r being the ratio.

    Flat, without gradient, where A > 0 and r > 1 + high, and where A < 0 and r < 1 - low.
    """
    ratio = safe_exp(log_ratio)
    within = ratio.clamp(1 - low, 1 + high)
    return PolicyTerm(
        loss=-torch.minimum(ratio * advantages, within * advantages),
        low=(ratio < 1 - low) & (advantages < 0),
        high=(ratio > 1 + high) & (advantages > 0),
    )
