"""Norm and SwiGLU fused with quantisation, as FP8 layers use them."""

import pytest
import torch

from kernels.fp8_linear import fp8_linear, fp8_linear_quantized
from kernels.quantize import dequantize_rows, quantize_rows
from kernels.rms_norm import rms_norm, rms_norm_ref
from kernels.rms_norm_quant import rms_norm_quant, rms_norm_quant_ref
from kernels.swiglu import swiglu_ref
from kernels.swiglu_quant import swiglu_quant
from tests.tolerance import E4M3_STEP, RELATIVE, relative_difference

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def _random(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


@DTYPES
@pytest.mark.parametrize("rows", [7, 1500])
def test_norm_and_quantisation_equal_one_after_the_other(dtype: torch.dtype, rows: int) -> None:
    x, weight = _random(rows, 192, dtype=dtype), _random(192, dtype=dtype)
    y, q = rms_norm_quant(x, weight, 1e-6)
    assert torch.equal(y, rms_norm(x, weight, 1e-6))
    assert torch.equal(q.scales, quantize_rows(y).scales)
    assert torch.equal(q.values.float(), quantize_rows(y).values.float())
    reference, kept = rms_norm_quant_ref(x.double(), weight.double(), 1e-6)
    assert relative_difference(y, reference) < RELATIVE[dtype]
    assert relative_difference(dequantize_rows(q), dequantize_rows(kept)) < E4M3_STEP / 4


@DTYPES
def test_gradients_pass_through_the_norm(dtype: torch.dtype) -> None:
    x, weight = _random(9, 192, dtype=dtype), _random(192, dtype=dtype)
    upstream = _random(9, 192, dtype=dtype)
    results = []
    for op, kind in ((rms_norm_quant, dtype), (rms_norm_ref, torch.float64)):
        leaves = [part.detach().to(kind).requires_grad_() for part in (x, weight)]
        out = op(*leaves, 1e-6)
        (out if isinstance(out, torch.Tensor) else out[0]).backward(upstream.to(kind))
        results.append([leaf.grad for leaf in leaves])
    for value, reference in zip(*results, strict=True):
        assert relative_difference(value, reference) < RELATIVE[dtype]


def test_a_layer_after_a_fused_norm_equals_one_after_a_plain_norm() -> None:
    results = []
    for fused in (True, False):
        x, norm, weight = (
            _random(*shape, dtype=torch.bfloat16).requires_grad_()
            for shape in ((40, 192), (192,), (64, 192))
        )
        if fused:
            y, q = rms_norm_quant(x, norm, 1e-6)
            out = fp8_linear_quantized(q, y, weight)
        else:
            out = fp8_linear(rms_norm(x, norm, 1e-6), weight)
        out.backward(torch.ones_like(out))
        results.append((out, x.grad, norm.grad, weight.grad))
    for value, expected in zip(*results, strict=True):
        assert torch.equal(value, expected)


@DTYPES
def test_swiglu_is_rounded_once(dtype: torch.dtype) -> None:
    hidden = _random(50, 400, dtype=dtype)
    q, exact = swiglu_quant(hidden), swiglu_ref(hidden.double())
    half = exact.abs() * E4M3_STEP / 2 * 1.01 + q.scales.amax() * 2.0**-10
    assert ((dequantize_rows(q).double() - exact).abs() <= half).all()
    assert relative_difference(dequantize_rows(q), exact) < 0.03


def test_nothing_gives_nothing() -> None:
    assert swiglu_quant(torch.ones(0, 6)).values.shape == (0, 3)
    y, q = rms_norm_quant(torch.ones(0, 6), torch.ones(6), 1e-6)
    assert y.shape == q.values.shape == (0, 6)
