"""Products of E4M3 block-quantised matrices (arXiv 2412.19437, section 3.3.2), a @ bᵀ.

The sum over 128 elements is formed from the E4M3 values; it is then multiplied with the two
scales and added to an fp32 total ("promotion"). So an error of the inner sums, of which Hopper's
tensor cores keep about 14 bits, cannot grow with K.

On a CPU the recipe is emulated: products of E4M3 numbers are exact in fp32, sums of 128 and the
totals are fp32. Beyond the order of the additions a GPU differs only by those 14 bits, about 1e-4
of a sum of 128. Neither scales nor dequantised values are ever rounded to a narrower type.

M rows of a, N rows of b, K the sum, B = K/128 rounded up, X = 128, A rows sorted by expert,
E experts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.quantize import BLOCK, Quantized


def fp8_gemm(a: Quantized, b: Quantized, out_dtype: torch.dtype) -> Tensor:
    """[M, N]: rows [M, K] in 1x128 tiles times weights [N, K] in 128x128 tiles."""
    _check(a, b)
    return fp8_gemm_ref(a, b, out_dtype)


def fp8_gemm_rows(a: Quantized, b: Quantized, out_dtype: torch.dtype) -> Tensor:
    """[M, N]: rows [M, K] times rows [N, K], both in 1x128 tiles: a weight gradient."""
    _check(a, b)
    return fp8_gemm_rows_ref(a, b, out_dtype)


def fp8_grouped_gemm(
    a: Quantized, b: Quantized, offsets_E: Tensor, out_dtype: torch.dtype
) -> Tensor:
    """[A, N]: rows [A, K] in 1x128 tiles, sorted by expert, each times its expert's weight of
    b [E, N, K] in 128x128 tiles. `offsets_E` (int32) says where the rows of an expert end."""
    _check(a, b)
    return fp8_grouped_gemm_ref(a, b, offsets_E, out_dtype)


def fp8_gemm_ref(a: Quantized, b: Quantized, out_dtype: torch.dtype) -> Tensor:
    """`fp8_gemm` in plain torch."""
    a_MK, b_KN = _widen(a.values), _pad(_widen(b.values), rows=True).t()
    total_MBX = a_MK.new_zeros(len(a_MK), b_KN.shape[1]).unflatten(1, (-1, BLOCK))
    with _bf16_units():
        for k, part in _slices(a_MK.shape[1]):
            sums_MBX = (a_MK[:, part] @ b_KN[part]).view_as(total_MBX)
            total_MBX.addcmul_(sums_MBX, (a.scales[:, k, None] * b.scales[:, k])[..., None])
    return total_MBX.flatten(1)[:, : len(b.values)].to(out_dtype)


def fp8_gemm_rows_ref(a: Quantized, b: Quantized, out_dtype: torch.dtype) -> Tensor:
    """`fp8_gemm_rows` in plain torch."""
    a_MK, b_KN = _widen(a.values), _widen(b.values).t()
    total_MN = a_MK.new_zeros(len(a_MK), b_KN.shape[1])
    with _bf16_units():
        for k, part in _slices(a_MK.shape[1]):
            scales_MN = a.scales[:, k, None] * b.scales[:, k]
            total_MN.addcmul_(a_MK[:, part] @ b_KN[part], scales_MN)
    return total_MN.to(out_dtype)


def fp8_grouped_gemm_ref(
    a: Quantized, b: Quantized, offsets_E: Tensor, out_dtype: torch.dtype
) -> Tensor:
    """`fp8_grouped_gemm` in plain torch."""
    a_AK = _pad(_widen(a.values), columns=True)
    b_EKN = _pad(_widen(b.values), rows=True, columns=True).mT
    rows_A = torch.arange(len(a_AK), dtype=offsets_E.dtype, device=offsets_E.device)
    experts_A = torch.searchsorted(offsets_E, rows_A, right=True)
    total_ABX = a_AK.new_zeros(len(a_AK), b_EKN.shape[2]).unflatten(1, (-1, BLOCK))
    with _bf16_units():
        for k, part in _slices(a_AK.shape[1]):
            sums_AN = F.grouped_mm(a_AK[:, part], b_EKN[:, part], offs=offsets_E)
            scales_AB = a.scales[:, k, None] * b.scales[:, :, k].index_select(0, experts_A)
            total_ABX.addcmul_(sums_AN.view_as(total_ABX), scales_AB[..., None])
    return total_ABX.flatten(1)[:, : b.values.shape[1]].to(out_dtype)


@contextmanager
def _bf16_units() -> Iterator[None]:
    """Lets a CPU multiply fp32 matrices in its bf16 units, where it has them: four times as fast,
    and exact here, for an E4M3 number is a bf16 number and the sums stay fp32. The switch is the
    process's; other threads must not multiply in fp32 meanwhile."""
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        matmul.fp32_precision = before


def _slices(length: int) -> list[tuple[int, slice]]:
    return [(i // BLOCK, slice(i, i + BLOCK)) for i in range(0, length, BLOCK)]


def _pad(x: Tensor, *, rows: bool = False, columns: bool = False) -> Tensor:
    """Zeros up to a whole number of blocks; `F.pad` copies even where nothing is missing."""
    missing = -x.shape[-2] % BLOCK * rows, -x.shape[-1] % BLOCK * columns
    return F.pad(x, (0, missing[1], 0, missing[0])) if any(missing) else x


def _widen(values: Tensor) -> Tensor:
    """E4M3 to fp32. On a CPU by moving the bits: torch's own cast takes ten times as long.
    There the E4M3 NaN becomes 480; what counts is the scale of a tile, which is NaN with it."""
    if values.is_cuda:
        return values.float()
    bits = values.contiguous().view(torch.int8).int()  # extends the sign; 4 + 3 bits to 8 + 23
    wide = bits.bitwise_left_shift_(20).bitwise_and_(-0x78100000)
    return wide.view(torch.float32).mul_(2.0**120)  # between the two biases, 7 and 127


def _check(a: Quantized, b: Quantized) -> None:
    if a.values.shape[-1] != b.values.shape[-1]:
        msg = (
            "An FP8 product sums over the last dimension of both operands, which differ: "
            f"{tuple(a.values.shape)} and {tuple(b.values.shape)}."
        )
        raise ValueError(msg)
