"""E4M3 block quantisation of DeepSeek-V3's FP8 recipe (arXiv 2412.19437, section 3.3).

Activations and gradients get a scale for 128 elements along the sum of the product they enter
(1x128, or 128x1 for the weight gradient); weights get one for 128x128. The largest magnitude of
a tile is found online and mapped to 448, the largest E4M3 number, so no value can overflow. The
last tile of a dimension may be ragged.

A scale is what the values are multiplied with to get back (DeepSeek's `weight_scale_inv`). A tile
of zeros has zero values and the scale of `TINY`. A tile that holds a NaN or an infinity has the
scale NaN: what is computed from it is NaN, never a number.

N rows, D columns, O and I the two sides of a weight, B = D/128 rounded up, [..] tiles.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.casts import E4M3_MAX

BLOCK = 128
"""Elements that share a scale along a dimension."""

CHUNK = 1 << 18
"""Elements a CPU quantises at a time: what lies between stays in its cache."""

TINY = 1e-30
"""Smallest magnitude told from zero; far below any gradient, and scales stay normal numbers."""


class Quantized(NamedTuple):
    """E4M3 values, and fp32 scales of their tiles."""

    values: Tensor
    scales: Tensor


def quantize_rows(x_ND: Tensor, power_of_two: bool = False) -> Quantized:
    """1x128 tiles: values [N, D], scales [N, B]. With `power_of_two` scales are rounded up to one,
    so that tiles along the other dimension can be made from these values without a new error."""
    _check(x_ND, 2)
    return quantize_rows_ref(x_ND, power_of_two)


def quantize_columns(x_ND: Tensor) -> Quantized:
    """128x1 tiles, transposed: values [D, N], scales [D, N/128]; what a weight gradient needs."""
    _check(x_ND, 2)
    return quantize_columns_ref(x_ND)


def quantize_blocks(w_OI: Tensor) -> Quantized:
    """128x128 tiles: values [O, I], scales [O/128, I/128]; [E, O, I] likewise for each expert.
    Any strides; the result is contiguous, so `quantize_blocks(w.mT)` also transposes."""
    _check(w_OI, 2, 3)
    return quantize_blocks_ref(w_OI)


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


def quantize_columns_ref(x_ND: Tensor) -> Quantized:
    """`quantize_columns` in plain torch."""
    return quantize_rows_ref(x_ND.t().contiguous())


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


def _check(x: Tensor, *dimensions: int) -> None:
    if x.dim() not in dimensions or not x.is_floating_point():
        wanted = " or ".join(map(str, dimensions))
        msg = (
            f"FP8 quantisation takes {wanted} dimensions of floats, not {tuple(x.shape)} {x.dtype}."
        )
        raise ValueError(msg)
