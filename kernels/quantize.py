"""E4M3 block quantisation of DeepSeek-V3's FP8 recipe (arXiv 2412.19437, section 3.3).

Activations and gradients get a scale for 128 elements along the sum of the product they enter
(1x128, or 128x1 for the weight gradient); weights get one for 128x128. The largest magnitude of
a tile is found online and mapped to 448, the largest E4M3 number, so no value can overflow. The
last tile of a dimension may be ragged.

A scale is what the values are multiplied with to get back (DeepSeek's `weight_scale_inv`). A tile
of zeros has zero values and the scale of `TINY`. A tile that holds a NaN or an infinity has the
scale NaN: what is computed from it is NaN, never a number.

On a GPU each of the three is one kernel that reads its input once. Scales are computed and applied
with correctly rounded operations, so CPUs and GPUs agree bit for bit.

N rows, D columns, O and I the two sides of a weight, B = D/128 rounded up.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.backend import INTERPRETED, jit, say_path, tl, triton, use_triton
from kernels.casts import E4M3_MAX, to_e4m3

BLOCK = 128
"""Elements that share a scale along a dimension."""

CHUNK = 1 << 18
"""Elements a CPU quantises at a time: what lies between stays in its cache."""

TINY = 1e-30
"""Smallest magnitude told from zero; far below any gradient, and scales stay normal numbers."""


class Quantized(NamedTuple):
    """E4M3 values, contiguous, and fp32 scales of their tiles, which may have any strides: kernels
    write the scales of rows as [B, N] and give [N, B], since cuBLASLt reads them so."""

    values: Tensor
    scales: Tensor


def use_fp8(x: Tensor) -> bool:
    """Whether an op on `x` runs its FP8 kernel. GPUs before compute capability 8.9 have no E4M3,
    and no elements need no kernel: both take the plain-torch path."""
    if not use_triton(x) or not x.numel():
        return False
    return not x.is_cuda or torch.cuda.get_device_capability(x.device) >= (8, 9)


def quantize_rows(x_ND: Tensor, power_of_two: bool = False) -> Quantized:
    """1x128 tiles: values [N, D], scales [N, B]. With `power_of_two` scales are rounded up to one,
    so that tiles along the other dimension can be made from these values without a new error."""
    _check(x_ND, 2)
    if not use_fp8(x_ND):
        return quantize_rows_ref(x_ND, power_of_two)
    say_path("quantize_rows", "Triton")
    (height, width), x_ND = x_ND.shape, x_ND.detach()
    values_ND = x_ND.new_empty(height, width, dtype=torch.float8_e4m3fn)
    scales_BN = x_ND.new_empty(triton.cdiv(width, BLOCK), height, dtype=torch.float32)
    _quantize_rows_kernel[(triton.cdiv(height, 32), len(scales_BN))](
        x_ND, *x_ND.stride(), values_ND, scales_BN, height, width,
        POWER_OF_TWO=power_of_two, ROWS=32, BLOCK=BLOCK, TINY=TINY, SNAP=INTERPRETED, num_warps=4,
    )  # fmt: skip
    return Quantized(values_ND, scales_BN.t())


def quantize_columns(x_ND: Tensor, whole_tiles: bool = False) -> Quantized:
    """128x1 tiles, transposed: values [D, N], scales [D, N/128]; what a weight gradient needs.

    With `whole_tiles` N is filled up to a multiple of 128 by zeros. They leave a product as it is,
    and a GPU can fetch rows of any number of tokens by whole words.
    """
    _check(x_ND, 2)
    if not use_fp8(x_ND):
        return quantize_columns_ref(x_ND, whole_tiles)
    say_path("quantize_columns", "Triton")
    (height, width), x_ND = x_ND.shape, x_ND.detach()
    tiles = triton.cdiv(height, BLOCK)
    length = tiles * BLOCK if whole_tiles else height
    values_DN = x_ND.new_empty(width, length, dtype=torch.float8_e4m3fn)
    scales_BD = x_ND.new_empty(tiles, width, dtype=torch.float32)
    _quantize_columns_kernel[(triton.cdiv(width, 64), tiles)](
        x_ND, *x_ND.stride(), values_DN, scales_BD, height, width, length,
        COLUMNS=64, BLOCK=BLOCK, TINY=TINY, SNAP=INTERPRETED, num_warps=8,
    )  # fmt: skip
    return Quantized(values_DN, scales_BD.t())


def quantize_blocks(w_OI: Tensor) -> Quantized:
    """128x128 tiles: values [O, I], scales [O/128, I/128]; [E, O, I] likewise for each expert.
    Any strides; the result is contiguous, so `quantize_blocks(w.mT)` also transposes."""
    _check(w_OI, 2, 3)
    if not use_fp8(w_OI):
        return quantize_blocks_ref(w_OI)
    say_path("quantize_blocks", "Triton")
    w_EOI = (w_OI if w_OI.dim() == 3 else w_OI[None]).detach()
    experts, height, width = w_EOI.shape
    values_EOI = w_OI.new_empty(w_EOI.shape, dtype=torch.float8_e4m3fn)
    tiles = triton.cdiv(height, BLOCK), triton.cdiv(width, BLOCK)
    scales = w_OI.new_empty(experts, *tiles, dtype=torch.float32)
    _quantize_blocks_kernel[(tiles[1], tiles[0], experts)](
        w_EOI, *w_EOI.stride(), values_EOI, scales, height, width,
        BLOCK=BLOCK, TINY=TINY, SNAP=INTERPRETED, num_warps=8,
    )  # fmt: skip
    return Quantized(values_EOI.view(w_OI.shape), scales.view(*w_OI.shape[:-2], *tiles))


def dequantize_rows(q: Quantized, dtype: torch.dtype = torch.float32) -> Tensor:
    """What `quantize_rows` or `quantize_columns` kept of its input, in the layout of the values."""
    scales = q.scales.repeat_interleave(BLOCK, -1)[..., : q.values.shape[-1]]
    return (q.values.float() * scales).to(dtype)


def dequantize_blocks(q: Quantized, dtype: torch.dtype = torch.float32) -> Tensor:
    """What `quantize_blocks` kept of its input."""
    rows = q.scales.repeat_interleave(BLOCK, -2)[..., : q.values.shape[-2], :]
    return dequantize_rows(Quantized(q.values, rows), dtype)


def quantize_rows_ref(x_ND: Tensor, power_of_two: bool = False) -> Quantized:
    """`quantize_rows` in plain torch."""
    parts = x_ND.detach().split(1 + CHUNK // (1 + x_ND.shape[1]))
    values, scales = zip(*(_quantize_rows(part, power_of_two) for part in parts), strict=True)
    return Quantized(torch.cat(values), torch.cat(scales))


def quantize_columns_ref(x_ND: Tensor, whole_tiles: bool = False) -> Quantized:
    """`quantize_columns` in plain torch."""
    missing = -len(x_ND) % BLOCK if whole_tiles else 0
    return quantize_rows_ref(F.pad(x_ND.t(), (0, missing)) if missing else x_ND.t().contiguous())


def quantize_blocks_ref(w_OI: Tensor) -> Quantized:
    """`quantize_blocks` in plain torch."""
    height, width = w_OI.shape[-2:]
    padded = F.pad(w_OI.detach(), (0, -width % BLOCK, 0, -height % BLOCK))
    tiles = padded.unflatten(-1, (-1, BLOCK)).unflatten(
        -3, (-1, BLOCK)
    )  # [.., O/128, 128, I/128, 128]
    scales = _scales(tiles.abs().amax((-3, -1)))
    values = (tiles * scales.reciprocal()[..., :, None, :, None]).to(torch.float8_e4m3fn)
    values_OI = values.flatten(-4, -3).flatten(-2)[..., :height, :width].contiguous()
    return Quantized(values_OI, scales)


def _quantize_rows(x_ND: Tensor, power_of_two: bool) -> Quantized:
    missing = -x_ND.shape[1] % BLOCK
    padded = F.pad(x_ND, (0, missing)) if missing else x_ND  # F.pad copies even for nothing
    x_NBX = padded.unflatten(-1, (-1, BLOCK))
    scales_NB = _scales(x_NBX.abs().amax(-1), power_of_two)
    # The cast rounds to nearest even. Nothing exceeds 448 but by a rounding, which it takes back.
    values_NBX = (x_NBX * scales_NB.reciprocal()[..., None]).to(torch.float8_e4m3fn)
    return Quantized(values_NBX.flatten(-2)[:, : x_ND.shape[1]], scales_NB)


def _scales(largest: Tensor, power_of_two: bool = False) -> Tensor:
    """fp32 scales of tiles by their largest magnitudes."""
    scales = largest.float().clamp(min=TINY) / E4M3_MAX
    if power_of_two:  # adding all of the mantissa carries into the exponent unless it is zero
        scales = ((scales.view(torch.int32) + 0x7FFFFF) & 0x7F800000).view(torch.float32)
    return scales.masked_fill(~largest.isfinite(), torch.nan)


@jit
def tile_scale(x, AXIS: tl.constexpr, POWER_OF_TWO: tl.constexpr, TINY: tl.constexpr):
    """Scales of fp32 tiles along AXIS, which is kept with size 1, and their reciprocals."""
    size = tl.abs(x)
    # tl.max would pass over a NaN.
    largest = tl.max(tl.where(size < float("inf"), size, float("inf")), AXIS, keep_dims=True)
    scale = tl.div_rn(tl.maximum(largest, TINY), tl.full(largest.shape, 448.0, tl.float32))
    if POWER_OF_TWO:
        bits = (scale.to(tl.int32, bitcast=True) + 0x7FFFFF) & 0x7F800000
        scale = bits.to(tl.float32, bitcast=True)
    scale = tl.where(largest < float("inf"), scale, float("nan"))
    return scale, tl.div_rn(tl.full(scale.shape, 1.0, tl.float32), scale)


@jit
def _quantize_rows_kernel(
    x_ptr, x_row, x_column, values_ptr, scales_ptr, N, D,
    POWER_OF_TWO: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, TINY: tl.constexpr,
    SNAP: tl.constexpr,
):  # fmt: skip
    """One program: ROWS tiles under one another; scales are written as [B, N]."""
    block = tl.program_id(1)
    n = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    d = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    inside = (n < N) & (d < D)
    x = tl.load(x_ptr + n * x_row + d * x_column, mask=inside, other=0.0).to(tl.float32)
    scale, inverse = tile_scale(x, 1, POWER_OF_TWO, TINY)
    tl.store(values_ptr + n * D + d, to_e4m3(x * inverse, SNAP), mask=inside)
    tl.store(scales_ptr + block * N + n, scale, mask=n < N)


@jit
def _quantize_columns_kernel(
    x_ptr, x_row, x_column, values_ptr, scales_ptr, N, D, length,
    COLUMNS: tl.constexpr, BLOCK: tl.constexpr, TINY: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One program: COLUMNS tiles side by side, turned over. What lies past N is
    zero; scales are written as [B, D]."""
    block = tl.program_id(1).to(tl.int64)
    n = block * BLOCK + tl.arange(0, BLOCK)
    d = (tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)).to(tl.int64)
    inside = (n[:, None] < N) & (d[None, :] < D)
    x = tl.load(
        x_ptr + n[:, None] * x_row + d[None, :] * x_column, mask=inside, other=0.0
    ).to(tl.float32)  # fmt: skip
    x = tl.trans(x)
    scale, inverse = tile_scale(x, 1, False, TINY)
    inside = (d[:, None] < D) & (n[None, :] < length)
    values = to_e4m3(x * inverse, SNAP)
    tl.store(values_ptr + d[:, None] * length + n[None, :], values, mask=inside)
    tl.store(scales_ptr + block * D + d[:, None], scale, mask=d[:, None] < D)


@jit
def _quantize_blocks_kernel(
    w_ptr, w_expert, w_row, w_column, values_ptr, scales_ptr, height, width,
    BLOCK: tl.constexpr, TINY: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One program: one tile of one expert."""
    expert = tl.program_id(2).to(tl.int64)
    o = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)[:, None]
    i = (tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)[None, :]
    inside = (o < height) & (i < width)
    w = tl.load(
        w_ptr + expert * w_expert + o * w_row + i * w_column, mask=inside, other=0.0
    ).to(tl.float32)  # fmt: skip
    size = tl.where(tl.abs(w) < float("inf"), tl.abs(w), float("inf"))
    scale, inverse = tile_scale(tl.max(size, 1, keep_dims=True), 0, False, TINY)
    values = to_e4m3(w * inverse, SNAP)
    tl.store(values_ptr + (expert * height + o) * width + i, values, mask=inside)
    tile = (expert * tl.num_programs(1) + tl.program_id(1)) * tl.num_programs(0) + tl.program_id(0)
    tl.store(scales_ptr + tile + tl.zeros_like(scale).to(tl.int64), scale)


def _check(x: Tensor, *dimensions: int) -> None:
    if x.dim() not in dimensions or not x.is_floating_point():
        wanted = " or ".join(map(str, dimensions))
        msg = (
            f"FP8 quantisation takes {wanted} dimensions of floats, not {tuple(x.shape)} {x.dtype}."
        )
        raise ValueError(msg)
