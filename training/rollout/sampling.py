"""Drawing tokens from logits.

B sequences, P prompts, G completions of each, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)
_FACTORS = (0xBF58476D1CE4E5B9 - (1 << 64), 0x94D049BB133111EB - (1 << 64))
"""Of splitmix64 (Steele et al., OOPSLA 2014), as signed numbers; products wrap around."""


def noise_keys(seeds: list[int], group_size: int, first_member: int = 0) -> Tensor:
    """What the noise of each sequence follows from [P * G]: its prompt's seed and its number in
    the group, from `first_member` on; nothing else."""
    seeds_P1 = _mixed(torch.tensor(seeds, dtype=torch.int64))[:, None]
    members_G = first_member + torch.arange(group_size)
    return _mixed(seeds_P1 + _GAMMA * members_G).flatten()


USES = DRAW, GUESS, ACCEPT = range(3)
"""What the uniform numbers of a token are for; the last two in speculative decoding only."""


def noise(keys_B: Tensor, tokens_B: Tensor | int, use: int = DRAW) -> Tensor:
    """Uniform numbers [B] in [0, 1), in fp64, for the `tokens_B`-th tokens of completions with
    these keys: the same on every device, whatever else is drawn."""
    counters_B = torch.as_tensor(tokens_B * len(USES) + use + 1)  # a tensor's products wrap around
    bits_B = _mixed(keys_B + _GAMMA * counters_B)
    return _shifted(bits_B, 11).double() * 2.0**-53


def _mixed(x: Tensor) -> Tensor:
    """splitmix64's function from a counter to 64 random bits."""
    x = (x ^ _shifted(x, 30)) * _FACTORS[0]
    x = (x ^ _shifted(x, 27)) * _FACTORS[1]
    return x ^ _shifted(x, 31)


def _shifted(x: Tensor, count: int) -> Tensor:
    """To the right, zeros coming in."""
    return (x >> count) & ((1 << (64 - count)) - 1)


def draw(
    logits_BV: Tensor,
    noise_B: Tensor,
    temperature: float,
    top_p: float,
    allowed_BV: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One token per row, and its fp32 log-probability by `logits_BV`: before top-p, and before
    `allowed_BV`, the logits to draw by if they are others. Temperature 0 takes the likeliest token
    and tells its log-probability at temperature 1."""
    p_BV = policy(logits_BV, temperature)
    other = allowed_BV is not None and allowed_BV is not logits_BV
    allowed_BV = policy(allowed_BV, temperature) if other else p_BV
    greedy = temperature == 0
    tokens_B = allowed_BV.argmax(-1) if greedy else invert(nucleus(allowed_BV, top_p), noise_B)
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
