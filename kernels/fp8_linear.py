"""Linear layer of DeepSeek-V3's FP8 recipe (arXiv 2412.19437, section 3.3).

All three products take E4M3 operands and add in fp32:

    y_NO  = x_NI  @ Wᵀ     x in 1x128 tiles, W in 128x128
    dx_NI = dy_NO @ W      dy in 1x128 tiles, W in 128x128
    dW_OI = dyᵀ   @ x      both in tiles of 128 tokens

Gradients of activations never share a scale across tokens and features (128x128): that diverged.
What is kept for the backward pass is the input in E4M3, in tiles of tokens and made from the
full-precision input, so it is rounded once; the weight is quantised again.

N tokens, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kernels.fp8_gemm import fp8_gemm, fp8_gemm_rows
from kernels.quantize import (
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks,
    quantize_columns,
    quantize_rows,
)


def fp8_linear(x_NI: Tensor, weight_OI: Tensor) -> Tensor:
    """x @ Wᵀ in FP8; [N, O] in the dtype of `x_NI` (bf16 or fp32). Gradients have the dtype of
    what they belong to, and pass the quantisation straight through."""
    return fp8_linear_quantized(quantize_rows(x_NI), x_NI, weight_OI)


def fp8_linear_quantized(rows: Quantized, x_NI: Tensor, weight_OI: Tensor) -> Tensor:
    """`fp8_linear` for an input that is quantised already: `rows` are the 1x128 tiles of `x_NI`,
    for example from `rms_norm_quant`. Gradients go to `x_NI`."""
    if not torch.is_grad_enabled():
        return fp8_gemm(rows, quantize_blocks(weight_OI), x_NI.dtype)
    y_NO: Tensor = _Fp8Linear.apply(x_NI, weight_OI, *rows)
    return y_NO


def fp8_linear_ref(x_NI: Tensor, weight_OI: Tensor) -> Tensor:
    """The forward product of `fp8_linear` in float64, from the dequantised operands."""
    x = dequantize_rows(quantize_rows(x_NI), torch.float64)
    return x @ dequantize_blocks(quantize_blocks(weight_OI), torch.float64).t()


class _Fp8Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_NI: Tensor, weight_OI: Tensor, values_NI: Tensor, scales_NB: Tensor
    ) -> Tensor:
        columns = (
            quantize_columns(x_NI, whole_tiles=True) if ctx.needs_input_grad[1] else (None, None)
        )
        ctx.save_for_backward(weight_OI, *columns)
        ctx.dtype = x_NI.dtype
        return fp8_gemm(Quantized(values_NI, scales_NB), quantize_blocks(weight_OI), x_NI.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight_OI, *columns = ctx.saved_tensors
        d_x_NI, d_weight_OI = None, None
        if ctx.needs_input_grad[0]:
            transposed = quantize_blocks(weight_OI.t())
            d_x_NI = fp8_gemm(quantize_rows(grads[0]), transposed, ctx.dtype)
        if ctx.needs_input_grad[1]:
            d_y = quantize_columns(grads[0], whole_tiles=True)
            d_weight_OI = fp8_gemm_rows(d_y, Quantized(*columns), weight_OI.dtype)
        return d_x_NI, d_weight_OI, None, None
