"""Causal attention of many short sequences.

W sequences times heads, T time, X key width, U value width, G query heads that share keys and
values.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SHORT = 512
"""Tokens up to which whole scores are kept for the backward pass on a CPU: they are few, then."""


def causal_attention(q_WTX: Tensor, k_WTX: Tensor, v_WTU: Tensor, scale: float) -> Tensor:
    """softmax(scale * q kᵀ, no looking ahead) v; [W, T, U].

    There may be fewer keys and values than queries: G neighbours then share theirs.

    On CPUs three batched operations: with keys wider than values torch's SDPA falls back to its
    slowest path there, and its flash kernel's bf16 backward is five times slower than this.
    """
    width, time = q_WTX.shape[:2]
    flash = k_WTX.shape == v_WTU.shape and time > SHORT
    if q_WTX.device.type != "cpu" or flash:
        return _fused(q_WTX, k_WTX, v_WTU, scale)
    shared = width // len(k_WTX)
    mask_TT = q_WTX.new_full((time, time), -torch.inf).triu(1)
    mask_GT_T = mask_TT.repeat(shared, 1) if shared > 1 else mask_TT
    q_KGTX = q_WTX.view(len(k_WTX), shared * time, -1)
    scores = torch.baddbmm(mask_GT_T, q_KGTX, k_WTX.transpose(1, 2), alpha=scale)
    return torch.bmm(scores.softmax(-1), v_WTU).view(width, time, -1)


def _fused(q_WTX: Tensor, k_WTX: Tensor, v_WTU: Tensor, scale: float) -> Tensor:
    """torch's fused kernels, which take four dimensions only: for three it would make [W, T, T]
    scores in fp32 and keep them for the backward pass."""
    shared = len(q_WTX) > len(k_WTX)
    return F.scaled_dot_product_attention(
        q_WTX[None], k_WTX[None], v_WTU[None], is_causal=True, scale=scale, enable_gqa=shared
    )[0]


def causal_attention_ref(q_WTX: Tensor, k_WTX: Tensor, v_WTU: Tensor, scale: float) -> Tensor:
    """`causal_attention` with every step written out."""
    scores_WTT = scale * torch.einsum("wqx,wkx->wqk", q_WTX, k_WTX)
    ahead_TT = torch.ones_like(scores_WTT[0], dtype=torch.bool).triu(1)
    return torch.einsum(
        "wqk,wku->wqu", scores_WTT.masked_fill(ahead_TT, -torch.inf).softmax(-1), v_WTU
    )
