"""The Triton kernel normalises and keeps what the reference does, up to a rounding."""

import pytest
import torch

from kernels.quantize import dequantize_rows, quantize_rows_ref
from kernels.rms_norm import rms_norm_ref
from kernels.rms_norm_quant import rms_norm_quant
from tests.tolerance import RELATIVE, relative_difference


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(16, 128), (5, 192), (3, 576), (2, 1000), (1, 7)])
def test_values_and_scales(dtype: torch.dtype, shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = (5 * torch.randn(shape, generator=generator)).to(dtype)
    weight = torch.rand(shape[1], generator=generator).to(dtype)
    y, q = rms_norm_quant(x, weight, 1e-6)
    exact = rms_norm_ref(x.double(), weight.double(), 1e-6)
    assert y.dtype == dtype
    assert relative_difference(y, exact) < RELATIVE[dtype] / 5
    expected = quantize_rows_ref(y)
    assert torch.equal(q.scales, expected.scales)
    assert torch.equal(q.values.float(), expected.values.float())


def test_a_nan_is_seen() -> None:
    x = torch.ones(3, 200)
    x[1, 150] = torch.nan
    y, q = rms_norm_quant(x, torch.ones(200), 1e-6)
    assert y[1].isnan().all()
    assert dequantize_rows(q)[1].isnan().all()
    assert dequantize_rows(q)[[0, 2]].isfinite().all()
