"""Exponentials of differences of log-probabilities, that stay finite."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BOUND = 20.0
"""Nats: one policy holds a token for half a billion times as likely as the other."""


def safe_exp(difference: Tensor) -> Tensor:
    """e^x up to `BOUND`, and from there on its tangent.

    An objective that is flat where x is large does not see the difference. One that is not flat
    there (a negative advantage, the KL) keeps a gradient that is finite and points the same way,
    where e^x would overflow and one token would make the whole step's gradient infinite.
    """
    beyond = (difference - BOUND).clamp(min=0.0)
    return difference.clamp(max=BOUND).exp() + math.exp(BOUND) * beyond


def sequence_mean(values_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """Mean over the tokens that `mask_BT` marks, [B, 1]; 0 for a row without any."""
    lengths_B1 = mask_BT.sum(1, keepdim=True).clamp(min=1)
    return torch.where(mask_BT, values_BT, 0.0).sum(1, keepdim=True) / lengths_B1
