"""What a variant gets, and what it gives.

B completions, T time.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Completions under the policy in training and under the one that sampled them."""

    logprobs_BT: Tensor
    log_ratio_BT: Tensor
    """Log-probability less that of the policy that sampled; both 0 where `mask_BT` is false."""
    advantages_B1: Tensor
    mask_BT: Tensor
    """True at the tokens that count."""


@dataclass(frozen=True)
class PolicyTerm:
    """By token [B, T], or [B, 1] where a completion's tokens share one."""

    loss: Tensor
    """To be made small."""
    low: Tensor
    """Bool: the clip from below took the gradient away."""
    high: Tensor
    """Bool: the clip from above took the gradient away, or cut its weight."""
