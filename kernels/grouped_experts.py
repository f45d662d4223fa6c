"""Routed SwiGLU experts as grouped matrix products.

On a GPU tokens are sorted by expert and torch's grouped product runs over each expert's rows,
however many there are (`sorted_experts`). What follows is for a CPU: every expert gets a block of
slots, as many as it has tokens or a few more, and does all its work before the next one begins, so
that what one operation writes the next finds in the processor's cache; each token then sums its K
results. All data moves by gathering, forward and backward, so nothing is added up concurrently and
results repeat bit for bit.

N tokens, D hidden size, E experts, K experts per token, A = N*K assignments, S slots in all, C of
one expert, I expert width, J = 2I.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.backend import say_path
from kernels.buckets import bucket
from kernels.by_expert import ByExpert, grouped_outer, grouped_rows, sort_by_expert
from kernels.swiglu import swiglu, swiglu_backward


def grouped_experts(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """Sum over each token's K experts of gate * down(silu(x W_gate) * (x W_up)).

    `gate_up_EDJ` holds W_gate and W_up side by side. `experts_NK` are expert indices, `gates_NK`
    their weights in any float dtype. Differentiable in all but `experts_NK`. Returns [N, D] in the
    dtype of `x_ND`, which the weights share.
    """
    if x_ND.is_cuda:
        say_path("grouped_experts", "F.grouped_mm on tokens sorted by expert")
        return sorted_experts(x_ND, gate_up_EDJ, down_EID, experts_NK, gates_NK)
    say_path("grouped_experts", "a product for each expert over its slots")
    if not torch.is_grad_enabled():
        return _compute(x_ND, gate_up_EDJ, down_EID, experts_NK, gates_NK)[0]
    out_ND: Tensor = _GroupedExperts.apply(x_ND, gate_up_EDJ, down_EID, experts_NK, gates_NK)
    return out_ND


def sorted_experts(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """`grouped_experts` by `F.grouped_mm`: no slots to fill, no count that the host waits for."""
    out_ND: Tensor = _SortedExperts.apply(x_ND, gate_up_EDJ, down_EID, experts_NK, gates_NK)
    return out_ND


def grouped_experts_ref(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """`grouped_experts` by computing every expert for every token, in plain torch."""
    gate_NEI, up_NEI = torch.einsum("nd,edj->nej", x_ND, gate_up_EDJ).chunk(2, dim=-1)
    y_NED = torch.einsum("nei,eid->ned", F.silu(gate_NEI) * up_NEI, down_EID)
    weights_NE = torch.zeros(y_NED.shape[:2], dtype=gates_NK.dtype, device=x_ND.device)
    weights_NE = weights_NE.scatter_add(1, experts_NK, gates_NK)
    return torch.einsum("ned,ne->nd", y_NED, weights_NE.to(y_NED.dtype))


class _Slots(NamedTuple):
    sizes: list[int]
    """C of each expert."""
    slots_A: Tensor
    """The slot of each assignment, in the order of `experts_NK`."""
    tokens_S: Tensor
    """The token in each slot; free slots repeat token 0 and carry gate 0."""

    def sum_back(self, y_SD: Tensor, tokens: int) -> Tensor:
        """[S, D] to [N, D], adding up each token's K slots."""
        y_NKD = y_SD.index_select(0, self.slots_A).unflatten(0, (tokens, -1))
        # Not sum(1): that walks memory against its grain and takes twenty times as long.
        return functools.reduce(torch.add, y_NKD.unbind(1))


def _assign(experts_NK: Tensor, experts: int) -> _Slots:
    sorted_A, order_A = experts_NK.flatten().sort(stable=True)
    counts_E = torch.bincount(sorted_A, minlength=experts)
    sizes = [bucket(count) if count else 0 for count in counts_E.tolist()]
    sizes_E = torch.tensor(sizes)
    shifts_E = (sizes_E.cumsum(0) - sizes_E) - (counts_E.cumsum(0) - counts_E)
    filled_A = torch.arange(len(sorted_A)) + shifts_E[sorted_A]
    slots_A = torch.empty_like(filled_A).scatter_(0, order_A, filled_A)
    tokens_S = filled_A.new_zeros(sum(sizes))
    tokens_S.scatter_(0, filled_A, order_A // experts_NK.shape[1])
    return _Slots(sizes, slots_A, tokens_S)


def _compute(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> tuple[Tensor, _Slots, Tensor, Tensor]:
    """The result, and what its gradient needs: slots, hidden values and gates."""
    slots = _assign(experts_NK, len(down_EID))
    gates_S1 = x_ND.new_zeros(len(slots.tokens_S))
    gates_S1 = gates_S1.scatter_(0, slots.slots_A, gates_NK.flatten().to(x_ND.dtype))[:, None]
    hidden_SJ = x_ND.new_empty(len(gates_S1), gate_up_EDJ.shape[2])
    y_SD = x_ND.new_empty(len(gates_S1), x_ND.shape[1])
    parts = (x.split(slots.sizes) for x in (slots.tokens_S, gates_S1, hidden_SJ, y_SD))
    for expert, (tokens_C, gates_C1, hidden_CJ, y_CD) in enumerate(zip(*parts, strict=True)):
        torch.mm(x_ND.index_select(0, tokens_C), gate_up_EDJ[expert], out=hidden_CJ)
        torch.mm(swiglu(hidden_CJ).mul_(gates_C1), down_EID[expert], out=y_CD)
    return slots.sum_back(y_SD, len(x_ND)), slots, hidden_SJ, gates_S1


class _GroupedExperts(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x_ND: Tensor,
        gate_up_EDJ: Tensor,
        down_EID: Tensor,
        experts_NK: Tensor,
        gates_NK: Tensor,
    ) -> Tensor:
        out_ND, ctx.slots, hidden_SJ, gates_S1 = _compute(
            x_ND, gate_up_EDJ, down_EID, experts_NK, gates_NK
        )
        ctx.gates_dtype = gates_NK.dtype
        ctx.save_for_backward(x_ND, gate_up_EDJ, down_EID, hidden_SJ, gates_S1)
        return out_ND

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, Tensor]:
        x_ND, gate_up_EDJ, down_EID, hidden_SJ, gates_S1 = ctx.saved_tensors
        slots: _Slots = ctx.slots
        d_x_SD = x_ND.new_empty(len(gates_S1), x_ND.shape[1])
        d_gates_S = torch.empty(len(gates_S1), dtype=torch.float32)
        d_gate_up_EDJ, d_down_EID = torch.empty_like(gate_up_EDJ), torch.empty_like(down_EID)
        tensors = (slots.tokens_S, gates_S1, hidden_SJ, d_x_SD, d_gates_S)
        parts = (x.split(slots.sizes) for x in tensors)
        for expert, part in enumerate(zip(*parts, strict=True)):
            tokens_C, gates_C1, hidden_CJ, d_x_CD, d_gates_C = part
            grad_CD = grads[0].index_select(0, tokens_C)
            product_CI = swiglu(hidden_CJ)
            d_product_CI = torch.mm(grad_CD, down_EID[expert].T)
            torch.linalg.vecdot(product_CI.float(), d_product_CI.float(), out=d_gates_C)
            torch.mm(product_CI.mul_(gates_C1).T, grad_CD, out=d_down_EID[expert])
            d_hidden_CJ = swiglu_backward(d_product_CI.mul_(gates_C1), hidden_CJ)
            x_CD = x_ND.index_select(0, tokens_C)
            torch.mm(x_CD.T, d_hidden_CJ, out=d_gate_up_EDJ[expert])
            torch.mm(d_hidden_CJ, gate_up_EDJ[expert].T, out=d_x_CD)
        d_gates_NK = d_gates_S[slots.slots_A].view(len(x_ND), -1).to(ctx.gates_dtype)
        d_x_ND = slots.sum_back(d_x_SD, len(x_ND))
        return d_x_ND, d_gate_up_EDJ, d_down_EID, None, d_gates_NK


class _SortedExperts(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x_ND: Tensor,
        gate_up_EDJ: Tensor,
        down_EID: Tensor,
        experts_NK: Tensor,
        gates_NK: Tensor,
    ) -> Tensor:
        order = sort_by_expert(experts_NK, len(down_EID))
        x_AD = x_ND.index_select(0, order.tokens_A)
        hidden_AJ = grouped_rows(x_AD, gate_up_EDJ, order.offsets_E)
        gates_A1 = gates_NK.flatten()[order.order_A, None]
        y_AD = grouped_rows(swiglu(hidden_AJ).mul_(gates_A1), down_EID, order.offsets_E)
        ctx.save_for_backward(x_ND, gate_up_EDJ, down_EID, hidden_AJ, gates_A1, *order)
        return order.sum_back(y_AD, experts_NK.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, Tensor]:
        x_ND, gate_up_EDJ, down_EID, hidden_AJ, gates_A1, *saved = ctx.saved_tensors
        order, choices = ByExpert(*saved), len(hidden_AJ) // len(x_ND)
        grad_AD = grads[0].index_select(0, order.tokens_A)
        product_AI = swiglu(hidden_AJ)
        d_product_AI = grouped_rows(grad_AD, down_EID.mT, order.offsets_E)
        d_gates_A = torch.linalg.vecdot(product_AI.float(), d_product_AI.float())
        d_down_EID = grouped_outer(product_AI.mul_(gates_A1), grad_AD, order.offsets_E)
        d_hidden_AJ = swiglu_backward(d_product_AI.mul_(gates_A1), hidden_AJ)
        x_AD = x_ND.index_select(0, order.tokens_A)
        d_gate_up_EDJ = grouped_outer(x_AD, d_hidden_AJ, order.offsets_E)
        d_x_AD = grouped_rows(d_hidden_AJ, gate_up_EDJ.mT, order.offsets_E)
        d_gates_NK = d_gates_A[order.places_A].unflatten(0, (-1, choices)).to(gates_A1.dtype)
        return order.sum_back(d_x_AD, choices), d_gate_up_EDJ, d_down_EID, None, d_gates_NK
