"""Rotary positions on interleaved pairs, with YaRN for extended contexts."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from training.model.config import ModelConfig, YarnScaling, yarn_mscale


class Rope(nn.Module):
    """Table of rotations by position; R = qk_rope_head_dim, rotated as R/2 neighbouring pairs.

    Each angle stands twice; the sines alternate in sign, as `rotate` wants them.
    """

    cos_TR: Tensor
    sin_TR: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        steps_T = torch.arange(config.max_position_embeddings, dtype=torch.float32)
        angles_TR = torch.outer(steps_T, _frequencies(config)).repeat_interleave(2, dim=1)
        scale = _amplitude(config.rope_scaling)
        signs_R = torch.tensor([-1.0, 1.0]).repeat(config.qk_rope_head_dim // 2)
        self.register_buffer("cos_TR", angles_TR.cos() * scale, persistent=False)
        self.register_buffer("sin_TR", angles_TR.sin() * scale * signs_R, persistent=False)

    def forward(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """cos and signed sin at `positions` (any shape), each [*positions.shape, R]."""
        return self.cos_TR[positions].to(dtype), self.sin_TR[positions].to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[2i], x[2i+1]) of the last dimension; `cos` and `sin` broadcast to x."""
    if not torch.is_grad_enabled():
        return _turn(x, cos, sin)
    turned: Tensor = _Rotate.apply(x, cos, sin)
    return turned


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turn(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turn(grads[0], cos, -sin), None, None


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    swapped = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return swapped.mul_(sin).addcmul_(x, cos)


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
    ramp = (torch.arange(dim // 2, dtype=torch.float32) - low) / ((high - low) or 0.001)
    stretched = ramp.clamp(0, 1)
    return plain / yarn.factor * stretched + plain * (1 - stretched)


def _amplitude(yarn: YarnScaling | None) -> float:
    if yarn is None:
        return 1.0
    if yarn.mscale and yarn.mscale_all_dim:
        return yarn_mscale(yarn.factor, yarn.mscale) / yarn_mscale(yarn.factor, yarn.mscale_all_dim)
    return yarn_mscale(yarn.factor, 1.0)
