"""SwiGLU and E4M3 quantisation in one pass: what the down projection of an FP8 layer reads.

The product is formed in fp32 and goes to E4M3 without a rounding between. Read once, 4 bytes, and
written as one byte and its scale, where two kernels would write and read 4 bytes more.

N rows, I width of the product, J = 2I, B = I/128 rounded up.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, say_path, tl, triton
from kernels.casts import to_e4m3
from kernels.quantize import BLOCK, TINY, Quantized, quantize_rows_ref, tile_scale, use_fp8
from kernels.swiglu import swiglu_ref


def swiglu_quant(hidden_NJ: Tensor) -> Quantized:
    """1x128 tiles of silu(gate) * up: values [N, I], scales [N, B]. `hidden_NJ`, contiguous, holds
    gate, then up. Without gradient: it is for the inside of a layer that has its own."""
    if not use_fp8(hidden_NJ):
        say_path("swiglu_quant", "torch")
        return swiglu_quant_ref(hidden_NJ)
    say_path("swiglu_quant", "Triton")
    height, width = len(hidden_NJ), hidden_NJ.shape[1] // 2
    values_NI = hidden_NJ.new_empty(height, width, dtype=torch.float8_e4m3fn)
    scales_BN = hidden_NJ.new_empty(triton.cdiv(width, BLOCK), height, dtype=torch.float32)
    _swiglu_quant_kernel[(triton.cdiv(height, 16), len(scales_BN))](
        hidden_NJ.detach().contiguous(), values_NI, scales_BN, height, width,
        ROWS=16, BLOCK=BLOCK, TINY=TINY, SNAP=INTERPRETED, num_warps=4,
    )  # fmt: skip
    return Quantized(values_NI, scales_BN.t())


def swiglu_quant_ref(hidden_NJ: Tensor) -> Quantized:
    """`swiglu_quant` in plain torch."""
    return quantize_rows_ref(swiglu_ref(hidden_NJ.detach().float()))


@jit
def _swiglu_quant_kernel(
    hidden_ptr, values_ptr, scales_ptr, N, width,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, TINY: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One program: ROWS tiles under one another; scales are written as [B, N]."""
    block = tl.program_id(1)
    n = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    i = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    inside = (n < N) & (i < width)
    gate = tl.load(hidden_ptr + n * 2 * width + i, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(hidden_ptr + n * 2 * width + width + i, mask=inside, other=0.0).to(tl.float32)
    product = gate / (1.0 + tl.exp(-gate)) * up
    scale, inverse = tile_scale(product, 1, False, TINY)
    tl.store(values_ptr + n * width + i, to_e4m3(product * inverse, SNAP), mask=inside)
    tl.store(scales_ptr + block * N + n, scale, mask=n < N)
