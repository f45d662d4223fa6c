"""FP8 products against float64 products of what the quantisation kept."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import ScalingType

from kernels.fp8_gemm import (
    _by_torch,
    _fits,
    _torch_takes,
    fp8_gemm,
    fp8_gemm_rows,
    fp8_grouped_gemm,
)
from kernels.quantize import (
    BLOCK,
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks,
    quantize_columns,
    quantize_rows,
)
from tests.tolerance import RELATIVE, relative_difference

SIZES = st.integers(1, 290)
FEW = settings(max_examples=12, deadline=None, derandomize=True)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def _random(*shape: int, seed: int) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x * torch.logspace(-2, 2, shape[-1])


@DTYPES
@given(rows=SIZES, outputs=SIZES, inputs=SIZES, seed=st.integers(0, 99))
@FEW
def test_rows_times_blocks(
    dtype: torch.dtype, rows: int, outputs: int, inputs: int, seed: int
) -> None:
    a = quantize_rows(_random(rows, inputs, seed=seed))
    b = quantize_blocks(_random(outputs, inputs, seed=seed + 1))
    y = fp8_gemm(a, b, dtype)
    exact = dequantize_rows(a, torch.float64) @ dequantize_blocks(b, torch.float64).t()
    assert y.dtype == dtype
    assert relative_difference(y, exact) < RELATIVE[dtype]


@DTYPES
@given(rows=SIZES, outputs=SIZES, inputs=SIZES, seed=st.integers(0, 99))
@FEW
def test_rows_times_rows(
    dtype: torch.dtype, rows: int, outputs: int, inputs: int, seed: int
) -> None:
    a = quantize_columns(_random(inputs, rows, seed=seed))
    b = quantize_columns(_random(inputs, outputs, seed=seed + 1))
    exact = dequantize_rows(a, torch.float64) @ dequantize_rows(b, torch.float64).t()
    y = fp8_gemm_rows(a, b, dtype)
    assert y.dtype == dtype
    assert relative_difference(y, exact) < RELATIVE[dtype]


@DTYPES
@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(any),
    outputs=SIZES,
    inputs=SIZES,
    seed=st.integers(0, 99),
)
@FEW
def test_each_row_meets_the_weight_of_its_expert(
    dtype: torch.dtype, counts: list[int], outputs: int, inputs: int, seed: int
) -> None:
    a = quantize_rows(_random(sum(counts), inputs, seed=seed))
    b = quantize_blocks(_random(len(counts), outputs, inputs, seed=seed + 1))
    offsets = torch.tensor(counts).cumsum(0).int()
    y = fp8_grouped_gemm(a, b, offsets, dtype)
    weights = dequantize_blocks(b, torch.float64)
    rows = dequantize_rows(a, torch.float64).split(counts)
    exact = torch.cat([x @ weight.t() for x, weight in zip(rows, weights, strict=True)])
    assert y.dtype == dtype
    assert relative_difference(y, exact) < RELATIVE[dtype]


def test_sums_of_a_block_are_exact() -> None:
    """Powers of two that an fp32 sum of rounded, scaled values would lose."""
    a, b = torch.ones(1, 128), torch.ones(1, 128)
    a[0, :2] = torch.tensor([448.0, -448.0])
    q = quantize_rows(a * 0.1)
    y = fp8_gemm_rows(q, quantize_rows(b), torch.float32)
    assert y == 126 * 448 * q.scales[0, 0] * (torch.tensor(1.0) / 448)


@pytest.fixture
def matmul() -> Iterator[Any]:
    """torch's switches of the products of a CPU, with "ieee" chosen for the time of the test."""
    switches = torch.backends.mkldnn.matmul
    before = switches.fp32_precision
    switches.fp32_precision = "ieee"
    yield switches
    switches.fp32_precision = before


def test_the_emulation_leaves_other_products_alone(matmul: Any) -> None:
    q = quantize_rows(torch.ones(5, 200))
    fp8_gemm_rows(q, q, torch.float32)
    assert matmul.fp32_precision == "ieee"
    with pytest.raises(RuntimeError, match="size"):
        fp8_gemm_rows(q, Quantized(q.values, q.scales[:3]), torch.float32)
    assert matmul.fp32_precision == "ieee"


@pytest.mark.parametrize("product", [fp8_gemm, fp8_gemm_rows])
def test_a_nan_reaches_its_rows_and_only_those(product) -> None:
    x, w = torch.ones(3, 200), torch.ones(130, 200)
    x[1, 150] = torch.nan
    quantize = quantize_blocks if product is fp8_gemm else quantize_rows
    y = product(quantize_rows(x), quantize(w), torch.float32)
    assert y[1].isnan().all()
    assert y[[0, 2]].isfinite().all()
    w[0, 0] = torch.inf
    assert product(quantize_rows(x), quantize(w), torch.float32)[:, 0].isnan().all()


def test_other_sums_are_refused() -> None:
    a, b = quantize_rows(torch.ones(2, 5)), quantize_blocks(torch.ones(2, 6))
    with pytest.raises(ValueError, match=r"differ: \(2, 5\) and \(2, 6\)"):
        fp8_gemm(a, b, torch.float32)


@pytest.mark.parametrize(
    ("sizes", "tile", "fits"),
    [
        ((4096, 7168, 2048), BLOCK, True),
        ((4, 128, 128), BLOCK, True),
        ((4095, 7168, 2048), BLOCK, False),
        ((4096, 576, 7168), BLOCK, False),
        ((4096, 7168, 192), BLOCK, False),
        ((576, 7168, 4096), 1, True),
        ((576, 7160, 4096), 1, False),
        ((576, 7168, 4100), 1, False),
        ((0, 128, 128), BLOCK, False),
        ((4, 16, 0), 1, False),
    ],
)
def test_torch_gets_the_sizes_cublas_takes(
    sizes: tuple[int, int, int], tile: int, fits: bool
) -> None:
    assert _fits(*sizes, tile) == fits


@pytest.mark.parametrize(
    ("device", "capability", "cuda", "takes"),
    [
        ("cuda", (9, 0), "12.9", True),
        ("cuda", (9, 0), "13.0", True),
        ("cuda", (9, 0), "12.8", False),
        ("cuda", (8, 9), "12.9", False),
        ("cuda", (10, 0), "13.0", False),
        ("cpu", (9, 0), "12.9", False),
    ],
)
def test_torch_is_asked_on_hopper_alone(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    capability: tuple[int, int],
    cuda: str,
    takes: bool,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    with FakeTensorMode():
        assert _torch_takes(*_operands(132, 256, 640, device=device), BLOCK) == takes


@pytest.mark.parametrize("sizes", [(132, 256, 640), (4, 128, 128)])
def test_torch_takes_the_layout_of_the_scales(sizes: tuple[int, int, int]) -> None:
    """torch checks sizes and strides of scales without computing the product, on any device."""
    rows, columns, depth = sizes
    with FakeTensorMode():
        a, b = _operands(rows, columns, depth, device="cpu")
        y = _by_torch(a, b, ScalingType.BlockWise128x128, torch.bfloat16)
        assert (y.shape, y.dtype) == ((rows, columns), torch.bfloat16)
        b = Quantized(b.values, torch.empty(columns, depth // BLOCK))
        y = _by_torch(a, b, ScalingType.BlockWise1x128, torch.float32)
        assert (y.shape, y.dtype) == ((rows, columns), torch.float32)


def _operands(rows: int, columns: int, depth: int, *, device: str) -> tuple[Quantized, Quantized]:
    blocks = depth // BLOCK

    def empty(height: int, tiles: int) -> Quantized:
        values = torch.empty(height, depth, dtype=torch.float8_e4m3fn, device=device)
        return Quantized(values, torch.empty(tiles, blocks, device=device))

    return empty(rows, rows), empty(columns, columns // BLOCK)
