"""Products of E4M3 block-quantised matrices (arXiv 2412.19437, section 3.3.2), a @ bᵀ.

The sum over 128 elements is formed from the E4M3 values; it is then multiplied with the two
scales and added to an fp32 total ("promotion"). So an error of the inner sums, of which Hopper's
tensor cores keep about 14 bits, cannot grow with K.

On a Hopper GPU torch's own product (cuBLASLt) is taken where it takes the shapes, elsewhere and for
groups a Triton kernel. On a CPU the recipe is emulated: products of E4M3 numbers are exact in fp32,
sums of 128 and the totals are fp32. Beyond the order of the additions a GPU differs only by those
14 bits, about 1e-4 of a sum of 128. Neither scales nor dequantised values are ever rounded to a
narrower type.

M rows of a, N rows of b, K the sum, B = K/128 rounded up, X = 128, A rows sorted by expert,
E experts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.functional import ScalingType

from kernels.backend import INTERPRETED, jit, say_path, tl, triton
from kernels.casts import to_bf16
from kernels.quantize import BLOCK, Quantized, use_fp8


def fp8_gemm(a: Quantized, b: Quantized, out_dtype: torch.dtype) -> Tensor:
    """[M, N]: rows [M, K] in 1x128 tiles times weights [N, K] in 128x128 tiles."""
    _check(a, b)
    if _torch_takes(a, b, tile=BLOCK):
        say_path("fp8_gemm", "torch, 1x128 x 128x128")
        return _by_torch(a, b, ScalingType.BlockWise128x128, out_dtype)
    if use_fp8(a.values):
        say_path("fp8_gemm", "Triton, 1x128 x 128x128")
        return _launch(a, b, out_dtype, tile=BLOCK)
    say_path("fp8_gemm", "emulated in fp32")
    return fp8_gemm_ref(a, b, out_dtype)


def fp8_gemm_rows(a: Quantized, b: Quantized, out_dtype: torch.dtype) -> Tensor:
    """[M, N]: rows [M, K] times rows [N, K], both in 1x128 tiles: a weight gradient."""
    _check(a, b)
    if _torch_takes(a, b, tile=1):
        say_path("fp8_gemm_rows", "torch, 1x128 x 1x128")
        return _by_torch(a, b, ScalingType.BlockWise1x128, out_dtype)
    if use_fp8(a.values):
        say_path("fp8_gemm_rows", "Triton, 1x128 x 1x128")
        return _launch(a, b, out_dtype, tile=1)
    say_path("fp8_gemm_rows", "emulated in fp32")
    return fp8_gemm_rows_ref(a, b, out_dtype)


def fp8_grouped_gemm(
    a: Quantized, b: Quantized, offsets_E: Tensor, out_dtype: torch.dtype
) -> Tensor:
    """[A, N]: rows [A, K] in 1x128 tiles, sorted by expert, each times its expert's weight of
    b [E, N, K] in 128x128 tiles. `offsets_E` (int32) says where the rows of an expert end."""
    _check(a, b)
    if use_fp8(a.values):
        say_path("fp8_grouped_gemm", "Triton, 1x128 x 128x128")
        return _launch(a, b, out_dtype, tile=BLOCK, offsets_E=offsets_E)
    say_path("fp8_grouped_gemm", "emulated in fp32")
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
    """Lets oneDNN multiply fp32 matrices, in a CPU's bf16 units where it has them. That is exact
    here, for an E4M3 number is a bf16 number and the sums stay fp32; and it is faster even where
    oneDNN keeps to fp32 (measured: more than twice as fast as torch's default on an AMD EPYC). The
    switch is the process's: other threads must not multiply in fp32 meanwhile."""
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


def _torch_takes(a: Quantized, b: Quantized, tile: int) -> bool:
    """Whether torch has this product: 1x128 tiles times `tile`x128 ones, for Hopper alone, which
    other GPUs lack, and from CUDA 12.9 on."""
    if not a.values.is_cuda or torch.cuda.get_device_capability(a.values.device) != (9, 0):
        return False
    toolkit = tuple(map(int, (torch.version.cuda or "0").split(".")))
    return toolkit >= (12, 9) and _fits(len(a.values), len(b.values), b.values.shape[1], tile)


def _fits(rows: int, columns: int, depth: int, tile: int) -> bool:
    """Whether cuBLASLt takes these sizes: whole blocks, and addresses of 16 bytes."""
    return rows > 0 and depth > 0 and not (rows % 4 or columns % max(16, tile) or depth % BLOCK)


def _by_torch(a: Quantized, b: Quantized, recipe: ScalingType, out_dtype: torch.dtype) -> Tensor:
    """Scales go in as cuBLASLt reads them: 1x128 with the rows together, 128x128 with the blocks of
    the sum together, and as many of those as make a multiple of four."""
    if recipe is ScalingType.BlockWise128x128:
        scales_b = F.pad(b.scales, (0, -b.scales.shape[1] % 4)).t()
    else:
        scales_b = b.scales.t().contiguous().t()
    return F.scaled_mm(
        a.values, b.values.t(),
        a.scales.t().contiguous().t(), ScalingType.BlockWise1x128, scales_b, recipe,
        output_dtype=out_dtype,
    )  # fmt: skip


def _launch(
    a: Quantized,
    b: Quantized,
    out_dtype: torch.dtype,
    *,
    tile: int,
    offsets_E: Tensor | None = None,
) -> Tensor:
    """The Triton product with b in `tile`x128 tiles; in groups where there are offsets."""
    (height, depth), width = a.values.shape, b.values.shape[-2]
    rows = 64 if height <= 64 else 128
    tiles_T3 = None if offsets_E is None else _tiles(offsets_E, height, rows)
    count = triton.cdiv(height, rows) if tiles_T3 is None else len(tiles_T3)
    out_MN = a.values.new_empty(height, width, dtype=out_dtype)
    strides = (0, *b.scales.stride())[-3:]
    _gemm_kernel[(count * triton.cdiv(width, BLOCK),)](
        a.values.contiguous(), a.scales, *a.scales.stride(),
        b.values.contiguous(), b.scales, *strides, out_MN, tiles_T3, height, width, depth, count,
        GROUPED=tiles_T3 is not None, B_ROWS=tile == 1, WHOLE=depth % BLOCK == 0,
        ROWS=rows, BLOCK=BLOCK, SNAP=INTERPRETED, num_warps=rows // 16, num_stages=4,
    )  # fmt: skip
    return out_MN


def _tiles(offsets_E: Tensor, height: int, tile: int) -> Tensor:
    """[T, 3]: the expert of each tile of rows, its first row, and where the expert's rows end. T is
    what suffices for any offsets, so the host need not wait for them; tiles left over are empty."""
    starts_E = F.pad(offsets_E[:-1], (1, 0))
    counts_E = (offsets_E - starts_E + (tile - 1)) // tile
    ends_E = counts_E.cumsum(0)
    tiles_T = torch.arange(triton.cdiv(height, tile) + len(offsets_E), device=offsets_E.device)
    expert_T = torch.searchsorted(ends_E, tiles_T, right=True)
    known_T = expert_T.clamp(max=len(offsets_E) - 1)
    first_T = starts_E[known_T] + (tiles_T - (ends_E - counts_E)[known_T]) * tile
    end_T = offsets_E[known_T] * (expert_T < len(offsets_E))
    return torch.stack((known_T, first_T, end_T), dim=1).int()


@jit
def _gemm_kernel(
    a_ptr, a_scales_ptr, a_scales_row, a_scales_k, b_ptr, b_scales_ptr, b_scales_expert,
    b_scales_row, b_scales_k, out_ptr, tiles_ptr, M, N, K, tiles,
    GROUPED: tl.constexpr, B_ROWS: tl.constexpr, WHOLE: tl.constexpr, ROWS: tl.constexpr,
    BLOCK: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One program: ROWS rows of a (of one expert where GROUPED) times 128 rows of b."""
    # Eight tiles of rows share the columns that are in the L2 cache.
    stripe = 8 * tl.cdiv(N, BLOCK)
    first_tile = tl.program_id(0) // stripe * 8
    together = tl.minimum(tiles - first_tile, 8)
    tile = first_tile + tl.program_id(0) % stripe % together
    column = tl.program_id(0) % stripe // together
    m0, end = tile * ROWS, M
    if GROUPED:
        expert = tl.load(tiles_ptr + 3 * tile).to(tl.int64)
        m0, end = tl.load(tiles_ptr + 3 * tile + 1), tl.load(tiles_ptr + 3 * tile + 2)
        if m0 >= end:
            return
        b_ptr += expert * N * K
        b_scales_ptr += expert * b_scales_expert
    m, n = m0 + tl.arange(0, ROWS), column * BLOCK + tl.arange(0, BLOCK)
    k = tl.arange(0, BLOCK)
    # Rows and columns beyond the end compute with the first ones and are not stored.
    m_inside, n_inside = tl.where(m < end, m, m0).to(tl.int64), tl.where(n < N, n, 0).to(tl.int64)
    a_ptrs = a_ptr + m_inside[:, None] * K + k[None, :]
    b_ptrs = b_ptr + n_inside[None, :] * K + k[:, None]
    a_scales_ptrs = a_scales_ptr + m_inside * a_scales_row
    if B_ROWS:
        b_scales_ptrs = b_scales_ptr + n_inside * b_scales_row
    else:
        b_scales_ptrs = b_scales_ptr + column * b_scales_row
    total = tl.zeros((ROWS, BLOCK), tl.float32)
    for block in range(tl.cdiv(K, BLOCK)):
        if WHOLE:
            a, b = tl.load(a_ptrs), tl.load(b_ptrs)
        else:
            left = K - block * BLOCK
            a = tl.load(a_ptrs, mask=k[None, :] < left, other=0.0)
            b = tl.load(b_ptrs, mask=k[:, None] < left, other=0.0)
        a_scale, b_scale = tl.load(a_scales_ptrs), tl.load(b_scales_ptrs)
        scale = a_scale[:, None] * b_scale[None, :] if B_ROWS else (a_scale * b_scale)[:, None]
        # A product of its own for each block, not one that goes on with the total: the tensor
        # cores' short accumulator must not run longer than this.
        total += tl.dot(a, b) * scale
        a_ptrs += BLOCK
        b_ptrs += BLOCK
        a_scales_ptrs += a_scales_k
        b_scales_ptrs += b_scales_k
    out_ptrs = out_ptr + m.to(tl.int64)[:, None] * N + n[None, :]
    inside = (m[:, None] < end) & (n[None, :] < N)
    if out_ptr.dtype.element_ty == tl.bfloat16:
        total = to_bf16(total, SNAP)
    tl.store(out_ptrs, total, mask=inside)


def _check(a: Quantized, b: Quantized) -> None:
    if a.values.shape[-1] != b.values.shape[-1]:
        msg = (
            "An FP8 product sums over the last dimension of both operands, which differ: "
            f"{tuple(a.values.shape)} and {tuple(b.values.shape)}."
        )
        raise ValueError(msg)
