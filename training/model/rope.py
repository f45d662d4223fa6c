"""Rotary positions on interleaved pairs, with YaRN for extended contexts."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from training.model.config import ModelConfig, YarnScaling, yarn_mscale


class Rope(nn.Module):
    """Table of cos and sin by position; R = qk_rope_head_dim, rotated as R/2 neighbouring pairs."""

    cos_TR2: Tensor
    sin_TR2: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        angles_TR2 = torch.outer(
            torch.arange(config.max_position_embeddings, dtype=torch.float32), _frequencies(config)
        )
        scale = _amplitude(config.rope_scaling)
        self.register_buffer("cos_TR2", angles_TR2.cos() * scale, persistent=False)
        self.register_buffer("sin_TR2", angles_TR2.sin() * scale, persistent=False)

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin at `positions` (any shape), each of shape [*positions.shape, R/2]."""
        return self.cos_TR2[positions], self.sin_TR2[positions]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[2i], x[2i+1]) of the last dimension by its angle.

    `cos` and `sin` broadcast against x[..., ::2]. The result holds all first members, then all
    second members: query and key are permuted alike, so their products are those of the paper.
    """
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def _frequencies(config: ModelConfig) -> Tensor:
    dim = config.qk_rope_head_dim
    plain = 1.0 / config.rope_theta ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    yarn = config.rope_scaling
    if yarn is None:
        return plain

    def pair_that_turns(rotations: float) -> float:
        period = yarn.original_max_position_embeddings / (rotations * 2 * math.pi)
        return dim * math.log(period) / (2 * math.log(config.rope_theta))

    low = max(math.floor(pair_that_turns(yarn.beta_fast)), 0)
    high = min(math.ceil(pair_that_turns(yarn.beta_slow)), dim - 1)
    ramp = (torch.arange(dim // 2, dtype=torch.float32) - low) / max(high - low, 0.001)
    stretched = ramp.clamp(0, 1)
    return plain / yarn.factor * stretched + plain * (1 - stretched)


def _amplitude(yarn: YarnScaling | None) -> float:
    if yarn is None:
        return 1.0
    if yarn.mscale and yarn.mscale_all_dim:
        return yarn_mscale(yarn.factor, yarn.mscale) / yarn_mscale(yarn.factor, yarn.mscale_all_dim)
    return yarn_mscale(yarn.factor, 1.0)
