"""E4M3 tiles: what they keep, and that nothing is swallowed."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels import backend
from kernels.quantize import (
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks,
    quantize_columns,
    quantize_rows,
    use_fp8,
)
from tests.tolerance import E4M3_STEP

HALF_STEP = E4M3_STEP / 2 * 1.01  # and what the quotient before it is rounded by
SIZES = st.integers(1, 300)
SHAPES = given(height=SIZES, width=SIZES, seed=st.integers(0, 99), exponent=st.integers(-20, 20))
FEW = settings(max_examples=12, deadline=None, derandomize=True)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def _random(height: int, width: int, seed: int, exponent: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(height, width, generator=generator) * 2.0**exponent
    x *= torch.logspace(-3, 3, width)  # so that tiles have scales of their own
    return x * (torch.rand(height, width, generator=generator) > 0.1)


def _check(q: Quantized, x: Tensor, tile: tuple[int, int]) -> None:
    """Scales are the largest magnitudes of the tiles over 448; each value is the E4M3 number
    nearest to its quotient: at most half a step off, a step being 1/8 of its power of two."""
    scales = torch.empty(x.shape)
    for top in range(0, x.shape[0], tile[0]):
        for left in range(0, x.shape[1], tile[1]):
            part = (slice(top, top + tile[0]), slice(left, left + tile[1]))
            scale = x[part].abs().max().clamp(min=1e-30) / 448
            assert q.scales[top // tile[0], left // tile[1]] == scale
            scales[part] = scale
    assert q.scales.shape == (-(-x.shape[0] // tile[0]), -(-x.shape[1] // tile[1]))
    quotient, values = x.double() / scales.double(), q.values.double()
    step = 2.0 ** (quotient.abs().clamp(min=2.0**-6).log2().floor() - 3)
    assert values.abs().max() <= 448
    assert ((values - quotient).abs() <= step * 0.5 * (1 + 1e-5)).all()


@DTYPES
@SHAPES
@FEW
def test_rows(dtype: torch.dtype, height: int, width: int, seed: int, exponent: int) -> None:
    x = _random(height, width, seed, exponent).to(dtype)
    q = quantize_rows(x)
    _check(q, x.float(), (1, 128))
    kept = dequantize_rows(q, torch.float32)
    # Half a step of the value itself, or of the smallest step its tile knows.
    assert ((kept - x).abs() <= x.float().abs() * HALF_STEP + q.scales.amax() * 2.0**-10).all()


@DTYPES
@SHAPES
@FEW
def test_columns(dtype: torch.dtype, height: int, width: int, seed: int, exponent: int) -> None:
    x = _random(height, width, seed, exponent).to(dtype)
    q = quantize_columns(x)
    assert q.values.is_contiguous()
    _check(q, x.float().t(), (1, 128))
    filled = quantize_columns(x, whole_tiles=True)
    values, rest = filled.values.float().split((height, -height % 128), dim=1)
    assert torch.equal(values, q.values.float())
    assert torch.equal(filled.scales, q.scales)
    assert not rest.any()


@DTYPES
@SHAPES
@FEW
def test_blocks(dtype: torch.dtype, height: int, width: int, seed: int, exponent: int) -> None:
    w = _random(height, width, seed, exponent).to(dtype)
    q, transposed = quantize_blocks(w), quantize_blocks(w.t())
    _check(q, w.float(), (128, 128))
    assert torch.equal(q.scales.t(), transposed.scales)
    assert torch.equal(q.values.t().float(), transposed.values.float())
    kept = dequantize_blocks(q, torch.float64)
    assert ((kept - w).abs() <= w.double().abs() * HALF_STEP + q.scales.amax() * 2.0**-10).all()


def test_blocks_of_each_expert_stand_alone() -> None:
    w_EOI = torch.stack([_random(200, 130, seed, 0) for seed in range(3)])
    q = quantize_blocks(w_EOI)
    for expert, w_OI in enumerate(w_EOI):
        alone = quantize_blocks(w_OI)
        assert torch.equal(q.scales[expert], alone.scales)
        assert torch.equal(q.values[expert].float(), alone.values.float())


@SHAPES
@FEW
def test_power_of_two_scales(height: int, width: int, seed: int, exponent: int) -> None:
    x = _random(height, width, seed, exponent)
    exact, rounded = quantize_rows(x).scales, quantize_rows(x, power_of_two=True).scales
    mantissa = torch.frexp(rounded).mantissa
    assert (mantissa == 0.5).all()
    assert ((rounded >= exact) & (rounded < 2 * exact)).all()


def test_tiles_of_another_direction_add_no_error_to_power_of_two_scales() -> None:
    x = torch.randn(256, 256, generator=torch.Generator().manual_seed(0)) + 3
    kept = dequantize_rows(quantize_rows(x, power_of_two=True))
    again = quantize_rows(kept.t(), power_of_two=True)
    assert torch.equal(dequantize_rows(again).t(), kept)


def test_zero_and_tiny_tiles() -> None:
    x = torch.zeros(3, 130)
    x[1] = 1e-38
    x[2] = 1e-20
    q = quantize_rows(x)
    assert not q.values[:2].float().any()
    assert (q.values[2].float() == 448).all()
    assert torch.equal(dequantize_rows(q)[:2], torch.zeros(2, 130))


def test_huge_values_stay_finite() -> None:
    x = torch.full((1, 128), torch.finfo(torch.float32).max)
    q = quantize_rows(x)
    assert (q.values.float() == 448).all()
    assert dequantize_rows(q, torch.float64).isfinite().all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("power_of_two", [False, True])
def test_what_is_not_finite_makes_its_tile_nan(bad: float, power_of_two: bool) -> None:
    x = torch.ones(2, 256)
    x[1, 130] = bad
    kept = dequantize_rows(quantize_rows(x, power_of_two))
    assert kept[1, 128:].isnan().all()
    assert kept[0].isfinite().all()
    assert kept[1, :128].isfinite().all()
    assert dequantize_blocks(quantize_blocks(x))[:, 128:].isnan().all()


def test_other_shapes_and_types_are_refused() -> None:
    with pytest.raises(ValueError, match="2 dimensions of floats"):
        quantize_rows(torch.ones(3))
    with pytest.raises(ValueError, match="int64"):
        quantize_columns(torch.ones(3, 3).long())
    with pytest.raises(ValueError, match="2 or 3 dimensions"):
        quantize_blocks(torch.ones(3))


@pytest.mark.parametrize(
    ("device", "capability", "uses"),
    [
        ("cuda", (8, 0), False),
        ("cuda", (8, 9), True),
        ("cuda", (9, 0), True),
        ("cpu", (9, 0), False),
    ],
)
def test_gpus_without_e4m3_take_the_plain_path(
    monkeypatch: pytest.MonkeyPatch, device: str, capability: tuple[int, int], uses: bool
) -> None:
    monkeypatch.setattr(backend, "AVAILABLE", True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    for elements in (0, 512):
        x = SimpleNamespace(is_cuda=device == "cuda", device=device, numel=lambda n=elements: n)
        assert use_fp8(x) == (uses and elements > 0)
