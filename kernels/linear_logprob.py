"""Log-probability of given tokens straight from hidden states: linear layer and log-softmax fused.

The [tokens, vocab] matrix exists only a chunk at a time, forward and backward, so memory does not
grow with vocabulary times tokens.

M positions, D hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK_ELEMENTS = 1 << 21
"""Logits held at once (8 MiB in fp32): large enough to keep the matrix products efficient."""


def linear_logprob(
    hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """log softmax(hidden @ weightᵀ / temperature) at `targets_M`, and the entropy in nats.

    Both are fp32 [M]. Differentiable in `hidden_MD` and `weight_VD` through the log-probability;
    the entropy carries no gradient. `temperature` must be positive.
    """
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: it must be positive")
    logprobs_M, entropy_M = _LinearLogprob.apply(hidden_MD, weight_VD, targets_M, temperature)
    return logprobs_M, entropy_M


def linear_logprob_ref(
    hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """`linear_logprob` with the whole [M, V] matrix, in plain torch."""
    logp_MV = ((hidden_MD @ weight_VD.T).float() / temperature).log_softmax(-1)
    entropy_M = -(logp_MV.exp() * logp_MV).sum(-1)
    return logp_MV.gather(1, targets_M[:, None]).squeeze(1), entropy_M.detach()


class _LinearLogprob(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        logprobs, entropies = [], []
        rows = _rows(weight_VD)
        for hidden_RD, targets_R in zip(hidden_MD.split(rows), targets_M.split(rows), strict=True):
            logp_RV = _scaled_logits(hidden_RD, weight_VD, temperature).log_softmax(-1)
            logprobs.append(logp_RV.gather(1, targets_R[:, None]).squeeze(1))
            entropies.append(logp_RV.exp().mul_(logp_RV).sum(-1).neg_())
        entropies_M = torch.cat(entropies)
        ctx.save_for_backward(hidden_MD, weight_VD, targets_M)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(entropies_M)
        return torch.cat(logprobs), entropies_M

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_MD, weight_VD, targets_M = ctx.saved_tensors
        d_hidden_MD = torch.empty_like(hidden_MD)
        d_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32)
        rows = _rows(weight_VD)
        for start in range(0, len(hidden_MD), rows):
            piece = slice(start, start + rows)
            grad_R1 = (grads[0][piece] / ctx.temperature)[:, None]
            logits_RV = _scaled_logits(hidden_MD[piece], weight_VD, ctx.temperature)
            d_logits_RV = logits_RV.softmax(-1).mul_(-grad_R1)
            d_logits_RV.scatter_add_(1, targets_M[piece, None], grad_R1)
            narrow_RV = d_logits_RV.to(hidden_MD.dtype)
            d_hidden_MD[piece] = narrow_RV @ weight_VD
            d_weight_VD += narrow_RV.T @ hidden_MD[piece]
        return d_hidden_MD, d_weight_VD.to(weight_VD.dtype), None, None


def _scaled_logits(hidden_RD: Tensor, weight_VD: Tensor, temperature: float) -> Tensor:
    logits_RV = (hidden_RD @ weight_VD.T).float()
    return logits_RV if temperature == 1 else logits_RV.div_(temperature)


def _rows(weight_VD: Tensor) -> int:
    return max(1, CHUNK_ELEMENTS // len(weight_VD))
