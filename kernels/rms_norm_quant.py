"""RMSNorm and E4M3 quantisation in one pass: what the FP8 layers after a norm read.

Fused, the values are those of `quantize_rows(rms_norm(x))`, bit for bit up to the order of a sum.
One kernel reads 2 bytes and writes 3; apart, a norm and a quantisation read 4 and write 3.

N rows, D features, B = D/128 rounded up.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, say_path, tl, triton
from kernels.casts import to_bf16, to_e4m3
from kernels.quantize import BLOCK, TINY, Quantized, quantize_rows, tile_scale, use_fp8
from kernels.rms_norm import rms_norm, rms_norm_ref


def rms_norm_quant(x_ND: Tensor, weight_D: Tensor, eps: float) -> tuple[Tensor, Quantized]:
    """The normalised rows y [N, D] in the dtype of `x_ND` (bf16 or fp32), and their 1x128 tiles,
    for `fp8_linear_quantized(rows, y, weight)`. Differentiable through y; the backward pass
    computes the norm again, as DeepSeek does, and keeps only the input."""
    y_ND, values_ND, scales_NB = _RmsNormQuant.apply(x_ND, weight_D, eps)
    return y_ND, Quantized(values_ND, scales_NB)


def rms_norm_quant_ref(x_ND: Tensor, weight_D: Tensor, eps: float) -> tuple[Tensor, Quantized]:
    """`rms_norm_quant` in plain torch."""
    y_ND = rms_norm_ref(x_ND, weight_D, eps)
    return y_ND, quantize_rows(y_ND)


class _RmsNormQuant(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, weight_D: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(x_ND, weight_D)
        ctx.eps = eps
        if use_fp8(x_ND):
            say_path("rms_norm_quant", "Triton")
            y_ND, rows = _launch(x_ND.contiguous(), weight_D, eps)
        else:
            say_path("rms_norm_quant", "torch")
            y_ND = rms_norm(x_ND, weight_D, eps)
            rows = quantize_rows(y_ND)
        ctx.mark_non_differentiable(*rows)
        ctx.set_materialize_grads(False)
        return y_ND, *rows

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        x_ND, weight_D = (saved.detach().requires_grad_() for saved in ctx.saved_tensors)
        with torch.enable_grad():
            y_ND = rms_norm(x_ND, weight_D, ctx.eps)
        return *torch.autograd.grad(y_ND, (x_ND, weight_D), grads[0]), None


def _launch(x_ND: Tensor, weight_D: Tensor, eps: float) -> tuple[Tensor, Quantized]:
    (height, width), y_ND = x_ND.shape, torch.empty_like(x_ND)
    blocks = triton.cdiv(width, BLOCK)
    values_ND = x_ND.new_empty(height, width, dtype=torch.float8_e4m3fn)
    scales_BN = x_ND.new_empty(blocks, height, dtype=torch.float32)
    _rms_norm_quant_kernel[(height,)](
        x_ND, weight_D, y_ND, values_ND, scales_BN, height, width, eps,
        BLOCKS=triton.next_power_of_2(blocks), BLOCK=BLOCK, TINY=TINY, SNAP=INTERPRETED,
        num_warps=4 if width <= 4096 else 8,
    )  # fmt: skip
    return y_ND, Quantized(values_ND, scales_BN.t())


@jit
def _rms_norm_quant_kernel(
    x_ptr, weight_ptr, y_ptr, values_ptr, scales_ptr, N, D, eps,
    BLOCKS: tl.constexpr, BLOCK: tl.constexpr, TINY: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One program: a row, held as its tiles; scales are written as [B, N]."""
    n = tl.program_id(0).to(tl.int64)
    block = tl.arange(0, BLOCKS)[:, None]
    d = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    x = tl.load(x_ptr + n * D + d, mask=d < D, other=0.0).to(tl.float32)
    weight = tl.load(weight_ptr + d, mask=d < D, other=0.0).to(tl.float32)
    mean = tl.sum(tl.sum(x * x, 1), 0) / D
    y = x * (1.0 / tl.sqrt_rn(mean + eps)) * weight
    if y_ptr.dtype.element_ty == tl.bfloat16:
        y = to_bf16(y, SNAP)
    tl.store(y_ptr + n * D + d, y, mask=d < D)
    y = y.to(tl.float32)
    scale, inverse = tile_scale(y, 1, False, TINY)
    tl.store(values_ptr + n * D + d, to_e4m3(y * inverse, SNAP), mask=d < D)
    tl.store(scales_ptr + block * N + n, scale, mask=block * BLOCK < D)
