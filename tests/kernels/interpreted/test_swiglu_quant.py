"""The Triton kernel keeps what the reference keeps, or a step beside it after another rounding."""

import pytest
import torch

from kernels.quantize import dequantize_rows
from kernels.swiglu import swiglu_ref
from kernels.swiglu_quant import swiglu_quant, swiglu_quant_ref
from tests.tolerance import E4M3_STEP, RELATIVE, relative_difference


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(128, 512), (40, 400), (17, 130), (1, 2)])
def test_values_and_scales(dtype: torch.dtype, shape: tuple[int, int]) -> None:
    hidden = (3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).to(dtype)
    q, expected = swiglu_quant(hidden), swiglu_quant_ref(hidden)
    assert relative_difference(q.scales, expected.scales) < RELATIVE[torch.float32]
    kept, reference = dequantize_rows(q), dequantize_rows(expected)
    step = reference.abs() * E4M3_STEP + expected.scales.amax() * 2.0**-9
    assert ((kept - reference).abs() <= step).all()
    assert (q.values.float() != expected.values.float()).float().mean() < 0.01
    exact = swiglu_ref(hidden.double())
    half = exact.abs() * E4M3_STEP / 2 * 1.01 + expected.scales.amax() * 2.0**-10
    assert ((kept - exact).abs() <= half).all()


def test_what_is_not_finite_makes_its_tile_nan() -> None:
    hidden = torch.ones(3, 512)
    hidden[1, 200], hidden[2, 300] = torch.nan, torch.inf
    scales = swiglu_quant(hidden).scales
    assert torch.equal(scales.isnan(), torch.tensor([[0, 0], [0, 1], [1, 0]]).bool())
