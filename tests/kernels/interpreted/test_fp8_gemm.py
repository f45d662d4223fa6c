"""The Triton product against the emulation and against float64 on the dequantised operands."""

import pytest
import torch
from torch import Tensor

from kernels.fp8_gemm import (
    fp8_gemm,
    fp8_gemm_ref,
    fp8_gemm_rows,
    fp8_gemm_rows_ref,
    fp8_grouped_gemm,
    fp8_grouped_gemm_ref,
)
from kernels.quantize import (
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks_ref,
    quantize_rows_ref,
)
from tests.tolerance import RELATIVE, relative_difference

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
SIZES = pytest.mark.parametrize("sizes", [(128, 128, 256), (3, 1, 5), (130, 300, 192)])


def _random(*shape: int, seed: int) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x * torch.logspace(-2, 2, shape[-1])


def _check(value: Tensor, emulated: Tensor, exact: Tensor) -> None:
    assert value.dtype == emulated.dtype
    assert relative_difference(value, exact) < RELATIVE[value.dtype]
    assert relative_difference(value, emulated) < RELATIVE[value.dtype] / 2


@DTYPES
@SIZES
def test_rows_times_blocks(dtype: torch.dtype, sizes: tuple[int, int, int]) -> None:
    rows, columns, depth = sizes
    a = quantize_rows_ref(_random(rows, depth, seed=0))
    b = quantize_blocks_ref(_random(columns, depth, seed=1))
    exact = dequantize_rows(a, torch.float64) @ dequantize_blocks(b, torch.float64).t()
    _check(fp8_gemm(a, b, dtype), fp8_gemm_ref(a, b, dtype), exact)


@DTYPES
@SIZES
def test_rows_times_rows(dtype: torch.dtype, sizes: tuple[int, int, int]) -> None:
    rows, columns, depth = sizes
    a = quantize_rows_ref(_random(rows, depth, seed=0))
    b = quantize_rows_ref(_random(columns, depth, seed=1))
    b = Quantized(b.values, b.scales.t().contiguous().t())  # any strides
    exact = dequantize_rows(a, torch.float64) @ dequantize_rows(b, torch.float64).t()
    _check(fp8_gemm_rows(a, b, dtype), fp8_gemm_rows_ref(a, b, dtype), exact)


def test_more_rows_than_share_the_cache() -> None:
    a = quantize_rows_ref(_random(1100, 128, seed=0))
    b = quantize_blocks_ref(_random(200, 128, seed=1))
    exact = dequantize_rows(a, torch.float64) @ dequantize_blocks(b, torch.float64).t()
    _check(fp8_gemm(a, b, torch.float32), fp8_gemm_ref(a, b, torch.float32), exact)


@DTYPES
@pytest.mark.parametrize(
    ("counts", "columns", "depth"),
    [([3], 64, 128), ([130, 0, 1, 30], 130, 192), ([0, 0, 40, 0], 256, 100), ([5, 9, 2], 1, 16)],
)
def test_each_row_meets_the_weight_of_its_expert(
    dtype: torch.dtype, counts: list[int], columns: int, depth: int
) -> None:
    a = quantize_rows_ref(_random(sum(counts), depth, seed=0))
    b = quantize_blocks_ref(_random(len(counts), columns, depth, seed=1))
    offsets = torch.tensor(counts).cumsum(0).int()
    rows = dequantize_rows(a, torch.float64).split(counts)
    weights = dequantize_blocks(b, torch.float64)
    exact = torch.cat([x @ weight.t() for x, weight in zip(rows, weights, strict=True)])
    value = fp8_grouped_gemm(a, b, offsets, dtype)
    _check(value, fp8_grouped_gemm_ref(a, b, offsets, dtype), exact)


def test_a_nan_reaches_its_rows_and_only_those() -> None:
    x = torch.ones(3, 200)
    x[1, 150] = torch.nan
    y = fp8_gemm(quantize_rows_ref(x), quantize_blocks_ref(torch.ones(130, 200)), torch.float32)
    assert y[1].isnan().all()
    assert y[[0, 2]].isfinite().all()


def test_nothing_to_add_up_gives_zeros() -> None:
    empty = quantize_rows_ref(torch.ones(4, 0)), quantize_rows_ref(torch.ones(6, 0))
    assert torch.equal(fp8_gemm_rows(*empty, torch.float32), torch.zeros(4, 6))
