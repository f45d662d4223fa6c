"""Drawing tokens from logits.

B sequences, V vocabulary, S steps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def noise(sequences: int, steps: int, seed: int) -> Tensor:
    """Uniform numbers [S, B] in [0, 1): one per token, so that what one sequence draws depends
    neither on which others are still running nor on the device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(sequences, steps, dtype=torch.float64, generator=generator).T.contiguous()


def draw(
    logits_BV: Tensor, noise_B: Tensor, temperature: float, top_p: float
) -> tuple[Tensor, Tensor]:
    """One token per row by inverting the cumulative distribution at `noise_B`, and the fp32
    log-probability it has before top-p. Temperature 0 takes the likeliest token and tells its
    log-probability at temperature 1."""
    logp_BV = (logits_BV.float() / (temperature or 1.0)).log_softmax(-1)
    if temperature == 0:
        tokens_B = logp_BV.argmax(-1)
    else:
        p_BV = logp_BV.exp()
        cumulative_BV = (_nucleus(p_BV, top_p) if top_p < 1 else p_BV).cumsum(
            -1, dtype=torch.float64
        )
        marks_B1 = (noise_B * cumulative_BV[:, -1])[:, None]
        tokens_B = torch.searchsorted(cumulative_BV, marks_B1, right=True).squeeze(1)
        # Only a row of NaN points past the end; its log-probability tells the caller.
        tokens_B = tokens_B.clamp(max=p_BV.shape[1] - 1)
    return tokens_B, logp_BV.gather(1, tokens_B[:, None]).squeeze(1)


def _nucleus(p_BV: Tensor, top_p: float) -> Tensor:
    """Zero all but the smallest set of likeliest tokens whose mass reaches `top_p`."""
    sorted_BV, order_BV = p_BV.sort(dim=-1, descending=True)
    outside_BV = sorted_BV.cumsum(-1) - sorted_BV >= top_p
    return torch.zeros_like(p_BV).scatter(1, order_BV, sorted_BV.masked_fill(outside_BV, 0.0))
