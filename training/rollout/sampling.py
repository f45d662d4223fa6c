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
    """One token per row, and the fp32 log-probability it has before top-p. Temperature 0 takes the
    likeliest token and tells its log-probability at temperature 1."""
    p_BV = policy(logits_BV, temperature)
    greedy = temperature == 0
    tokens_B = p_BV.argmax(-1) if greedy else invert(nucleus(p_BV, top_p), noise_B)
    return tokens_B, logprob(p_BV, tokens_B)


def policy(logits_BV: Tensor, temperature: float) -> Tensor:
    """Probabilities (fp32) at the temperature; at temperature 1 when that is 0."""
    logits_BV = logits_BV.float()
    if temperature not in {0, 1}:
        logits_BV = logits_BV / temperature
    return logits_BV.softmax(-1)


def sampled(p_BV: Tensor, temperature: float, top_p: float) -> Tensor:
    """What tokens are drawn from, given `policy`'s result: cut by top-p, or all on the likeliest
    token at temperature 0. Sums to 1."""
    if temperature == 0:
        return torch.zeros_like(p_BV).scatter_(1, p_BV.argmax(-1, keepdim=True), 1.0)
    p_BV = nucleus(p_BV, top_p)
    return p_BV / p_BV.sum(-1, keepdim=True)


def invert(weights_BV: Tensor, noise_B: Tensor) -> Tensor:
    """The token [B] at which the cumulative distribution reaches `noise_B`; rows need not sum
    to 1."""
    cumulative_BV = weights_BV.cumsum(-1, dtype=torch.float64)
    marks_B1 = (noise_B * cumulative_BV[:, -1])[:, None]
    tokens_B = torch.searchsorted(cumulative_BV, marks_B1, right=True).squeeze(1)
    # Only a row of NaN points past the end; its log-probability tells the caller.
    return tokens_B.clamp_(max=weights_BV.shape[1] - 1)


def logprob(p_BV: Tensor, tokens_B: Tensor) -> Tensor:
    return p_BV.gather(1, tokens_B[:, None]).squeeze(1).log_()


def nucleus(p_BV: Tensor, top_p: float) -> Tensor:
    """Zero all but the smallest set of likeliest tokens whose mass reaches `top_p`."""
    if top_p >= 1:
        return p_BV
    sorted_BV, order_BV = p_BV.sort(dim=-1, descending=True)
    outside_BV = sorted_BV.cumsum(-1) - sorted_BV >= top_p
    return torch.zeros_like(p_BV).scatter(1, order_BV, sorted_BV.masked_fill(outside_BV, 0.0))
