"""The Triton kernels keep the same values and scales as the references, bit for bit."""

import pytest
import torch
from torch import Tensor

from kernels.quantize import (
    Quantized,
    quantize_blocks,
    quantize_blocks_ref,
    quantize_columns,
    quantize_columns_ref,
    quantize_rows,
    quantize_rows_ref,
)

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
SHAPES = pytest.mark.parametrize("shape", [(128, 256), (40, 200), (300, 65), (1, 1)])


def _random(*shape: int, dtype: torch.dtype) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x[..., shape[-1] // 2 :] *= 1e-3
    x[..., : shape[-1] // 8] = 0
    return x.to(dtype)


def _same(value: Quantized, expected: Quantized) -> None:
    assert torch.equal(value.scales, expected.scales)
    assert torch.equal(value.values.float(), expected.values.float())
    assert value.values.is_contiguous()


@DTYPES
@SHAPES
@pytest.mark.parametrize("power_of_two", [False, True])
def test_rows(dtype: torch.dtype, shape: tuple[int, int], power_of_two: bool) -> None:
    x = _random(*shape, dtype=dtype)
    _same(quantize_rows(x, power_of_two), quantize_rows_ref(x, power_of_two))


@DTYPES
@SHAPES
def test_columns(dtype: torch.dtype, shape: tuple[int, int]) -> None:
    x = _random(*shape, dtype=dtype)
    _same(quantize_columns(x), quantize_columns_ref(x))
    filled = quantize_columns(x, whole_tiles=True)
    assert filled.values.shape[1] % 128 == 0
    _same(filled, quantize_columns_ref(x, whole_tiles=True))


@DTYPES
@SHAPES
def test_blocks(dtype: torch.dtype, shape: tuple[int, int]) -> None:
    w = _random(*shape, dtype=dtype)
    _same(quantize_blocks(w), quantize_blocks_ref(w))


def test_any_strides() -> None:
    x = _random(3, 150, 200, dtype=torch.float32)
    _same(quantize_blocks(x.mT), quantize_blocks_ref(x.mT))
    _same(quantize_rows(x[0].t()), quantize_rows_ref(x[0].t()))
    _same(quantize_columns(x[:, 3]), quantize_columns_ref(x[:, 3]))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_makes_its_tile_nan(bad: float) -> None:
    x = torch.ones(140, 256)
    x[3, 130] = bad
    for op, reference in (
        (quantize_rows, quantize_rows_ref),
        (quantize_columns, quantize_columns_ref),
        (quantize_blocks, quantize_blocks_ref),
    ):
        scales, expected = op(x).scales, reference(x).scales
        assert expected.isnan().sum() == 1
        assert torch.equal(scales.isnan(), expected.isnan())


def test_huge_and_tiny_tiles() -> None:
    x = torch.full((4, 128), torch.finfo(torch.float32).max)
    x[1], x[2], x[3] = 1e-38, 0.0, 1e-20
    _same(quantize_rows(x), quantize_rows_ref(x))
