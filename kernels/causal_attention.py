"""Causal attention of many short sequences.

W sequences times heads, T time, X key width, U value width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def causal_attention(q_WTX: Tensor, k_WTX: Tensor, v_WTU: Tensor, scale: float) -> Tensor:
    """softmax(scale * q kᵀ, no looking ahead) v; [W, T, U].

    On CPUs three batched operations: with keys wider than values torch's SDPA falls back to its
    slowest path there, and its flash kernel's bf16 backward is five times slower than this.
    """
    if q_WTX.device.type != "cpu":
        return _fused(q_WTX, k_WTX, v_WTU, scale)
    time = q_WTX.shape[1]
    mask_TT = q_WTX.new_full((time, time), -torch.inf).triu(1)
    scores_WTT = torch.baddbmm(mask_TT, q_WTX, k_WTX.transpose(1, 2), alpha=scale)
    return torch.bmm(scores_WTT.softmax(-1), v_WTU)


def _fused(q_WTX: Tensor, k_WTX: Tensor, v_WTU: Tensor, scale: float) -> Tensor:
    """torch's fused kernels, which take four dimensions only: for three it would make [W, T, T]
    scores in fp32 and keep them for the backward pass."""
    return F.scaled_dot_product_attention(
        q_WTX[None], k_WTX[None], v_WTU[None], is_causal=True, scale=scale
    )[0]


def causal_attention_ref(q_WTX: Tensor, k_WTX: Tensor, v_WTU: Tensor, scale: float) -> Tensor:
    """`causal_attention` with every step written out."""
    scores_WTT = scale * torch.einsum("wqx,wkx->wqk", q_WTX, k_WTX)
    ahead_TT = torch.ones_like(scores_WTT[0], dtype=torch.bool).triu(1)
    return torch.einsum(
        "wqk,wku->wqu", scores_WTT.masked_fill(ahead_TT, -torch.inf).softmax(-1), v_WTU
    )
