"""Routed SwiGLU experts of DeepSeek-V3's FP8 recipe (arXiv 2412.19437, section 3.3).

Tokens are quantised once (1x128), sorted by expert as E4M3 ("dispatch in FP8"), and each product
is one grouped product over all experts: forward and dgrad in FP8, as in fp8_linear.py. A gate is
multiplied in after the down projection; in front of it, it would only move into the scale.

The weight gradients of experts are grouped products in the dtype of the input, on every device:
on Hopper the best published FP8 kernel gives 457 TFLOP/s there, below what bf16 reaches, and the
numbers are not to depend on the machine.

N tokens, D hidden size, E experts, K experts per token, A = N*K assignments sorted by expert,
I expert width, J = 2I.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kernels.by_expert import ByExpert, grouped_outer, sort_by_expert
from kernels.fp8_gemm import fp8_grouped_gemm
from kernels.quantize import (
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks,
    quantize_rows,
)
from kernels.swiglu import swiglu, swiglu_backward, swiglu_ref
from kernels.swiglu_quant import swiglu_quant


def fp8_grouped_experts(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """`kernels.grouped_experts.grouped_experts` with products in FP8; the same contract.

    Gradients pass the quantisation straight through.
    """
    out_ND: Tensor = _Fp8GroupedExperts.apply(x_ND, gate_up_EDJ, down_EID, experts_NK, gates_NK)
    return out_ND


def fp8_grouped_experts_ref(
    x_ND: Tensor, gate_up_EDJ: Tensor, down_EID: Tensor, experts_NK: Tensor, gates_NK: Tensor
) -> Tensor:
    """The forward pass of `fp8_grouped_experts` in float64, every expert for every token."""
    x = dequantize_rows(quantize_rows(x_ND), torch.float64)
    gate_up = dequantize_blocks(quantize_blocks(gate_up_EDJ), torch.float64)
    down = dequantize_blocks(quantize_blocks(down_EID), torch.float64)
    hidden_NEJ = torch.einsum("nd,edj->nej", x, gate_up).to(x_ND.dtype)
    product = quantize_rows(swiglu_ref(hidden_NEJ.flatten(0, 1).float()))
    product_NEI = dequantize_rows(product, torch.float64).unflatten(0, hidden_NEJ.shape[:2])
    y_NED = torch.einsum("nei,eid->ned", product_NEI, down)
    weights_NE = y_NED.new_zeros(y_NED.shape[:2]).scatter_add(1, experts_NK, gates_NK.double())
    return torch.einsum("ned,ne->nd", y_NED, weights_NE)


class _Fp8GroupedExperts(torch.autograd.Function):
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
        x_AD = _spread(quantize_rows(x_ND), order)
        gate_up_EJD = quantize_blocks(gate_up_EDJ.mT)
        hidden_AJ = fp8_grouped_gemm(x_AD, gate_up_EJD, order.offsets_E, x_ND.dtype)
        down_EDI = quantize_blocks(down_EID.mT)
        y_AD = fp8_grouped_gemm(swiglu_quant(hidden_AJ), down_EDI, order.offsets_E, x_ND.dtype)
        gates_A1 = gates_NK.flatten()[order.order_A, None]
        ctx.save_for_backward(x_ND, gate_up_EDJ, down_EID, hidden_AJ, gates_A1, *order)
        return order.sum_back(y_AD.mul_(gates_A1), experts_NK.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, Tensor]:
        x_ND, gate_up_EDJ, down_EID, hidden_AJ, gates_A1, *saved = ctx.saved_tensors
        order, choices = ByExpert(*saved), len(hidden_AJ) // len(x_ND)
        d_product_AI = fp8_grouped_gemm(
            _spread(quantize_rows(grads[0]), order),
            quantize_blocks(down_EID),
            order.offsets_E,
            x_ND.dtype,
        )
        product_AI = swiglu(hidden_AJ)
        d_gates_A = torch.linalg.vecdot(product_AI.float(), d_product_AI.float())
        grad_AD = grads[0].index_select(0, order.tokens_A)
        d_down_EID = grouped_outer(product_AI.mul_(gates_A1), grad_AD, order.offsets_E)
        d_hidden_AJ = swiglu_backward(d_product_AI.mul_(gates_A1), hidden_AJ)
        x_AD = x_ND.index_select(0, order.tokens_A)
        d_gate_up_EDJ = grouped_outer(x_AD, d_hidden_AJ, order.offsets_E)
        d_x_AD = fp8_grouped_gemm(
            quantize_rows(d_hidden_AJ), quantize_blocks(gate_up_EDJ), order.offsets_E, x_ND.dtype
        )
        d_gates_NK = d_gates_A[order.places_A].unflatten(0, (-1, choices)).to(gates_A1.dtype)
        return order.sum_back(d_x_AD, choices), d_gate_up_EDJ, d_down_EID, None, d_gates_NK


def _spread(q_ND: Quantized, order: ByExpert) -> Quantized:
    """Rows of tokens to rows of assignments; moved as bytes, since gathers may not know E4M3."""
    values_AD = q_ND.values.view(torch.uint8).index_select(0, order.tokens_A)
    return Quantized(values_AD.view(q_ND.values.dtype), q_ND.scales[order.tokens_A])
