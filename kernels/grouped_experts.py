"""Routed SwiGLU experts as grouped matrix products.

N tokens, D hidden size, E experts, K experts per token, I expert width, A = N*K assignments.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def grouped_experts(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """Sum over each token's K experts of gate * down(silu(x W_gate) * (x W_up)).

    `gate_up_EDJ` holds W_gate and W_up side by side (J = 2I). `experts_NK` are expert indices,
    `gates_NK` their weights. Differentiable in all but `experts_NK`. Returns [N, D] in x's dtype.
    """
    experts_A, order_A = experts_NK.flatten().sort(stable=True)
    ends_E = torch.searchsorted(
        experts_A, torch.arange(len(down_EID), device=x_ND.device), right=True
    ).int()
    tokens_A = order_A // experts_NK.shape[1]
    hidden_AJ = F.grouped_mm(x_ND.index_select(0, tokens_A), gate_up_EDJ, offs=ends_E)
    gate_AI, up_AI = hidden_AJ.chunk(2, dim=-1)
    y_AD = F.grouped_mm(F.silu(gate_AI) * up_AI, down_EID, offs=ends_E)
    y_AD = y_AD * gates_NK.flatten()[order_A, None].to(y_AD.dtype)
    return torch.zeros_like(x_ND).index_add(0, tokens_A, y_AD)


def grouped_experts_ref(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """`grouped_experts` by computing every expert for every token, in plain torch."""
    gate_NEI, up_NEI = torch.einsum("nd,edj->nej", x_ND, gate_up_EDJ).chunk(2, dim=-1)
    y_NED = torch.einsum("nei,eid->ned", F.silu(gate_NEI) * up_NEI, down_EID)
    weights_NE = torch.zeros(y_NED.shape[:2], dtype=gates_NK.dtype, device=x_ND.device)
    weights_NE = weights_NE.scatter_add(1, experts_NK, gates_NK)
    return torch.einsum("ned,ne->nd", y_NED, weights_NE.to(y_NED.dtype))
