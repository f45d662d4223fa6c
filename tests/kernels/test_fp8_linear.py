"""The FP8 linear layer: each of its three products against float64 on the operands it kept, and
its distance from the layer without FP8."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.fp8_linear import fp8_linear, fp8_linear_quantized, fp8_linear_ref
from kernels.quantize import (
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks,
    quantize_columns,
    quantize_rows,
)
from tests.tolerance import RELATIVE, relative_difference

SIZES = st.integers(1, 290)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def _random(*shape: int, seed: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def _rows(x: Tensor) -> Tensor:
    return dequantize_rows(quantize_rows(x), torch.float64)


def _columns(x: Tensor) -> Tensor:
    return dequantize_rows(quantize_columns(x), torch.float64)


@DTYPES
@given(tokens=SIZES, inputs=SIZES, outputs=SIZES, seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_the_three_products(
    dtype: torch.dtype, tokens: int, inputs: int, outputs: int, seed: int
) -> None:
    x = _random(tokens, inputs, seed=seed, dtype=dtype).requires_grad_()
    weight = _random(outputs, inputs, seed=seed + 1, dtype=dtype).requires_grad_()
    upstream = _random(tokens, outputs, seed=seed + 2, dtype=dtype)
    y = fp8_linear(x, weight)
    y.backward(upstream)
    kept = dequantize_blocks(quantize_blocks(weight), torch.float64)
    assert y.dtype == x.grad.dtype == weight.grad.dtype == dtype
    assert relative_difference(y, fp8_linear_ref(x, weight)) < RELATIVE[dtype]
    assert relative_difference(x.grad, _rows(upstream) @ kept) < RELATIVE[dtype]
    assert relative_difference(weight.grad, _columns(upstream) @ _columns(x).t()) < RELATIVE[dtype]


def test_it_is_as_far_from_the_layer_without_fp8_as_e4m3_is() -> None:
    """Three bits of mantissa round with a relative error of about 2.6 % (uniform in a step: 2^-4
    times the mean over mantissas, over the square root of three); two operands make 3.7 %."""
    x = _random(512, 384, seed=0, dtype=torch.float32).requires_grad_()
    weight = _random(256, 384, seed=1, dtype=torch.float32).requires_grad_()
    upstream = _random(512, 256, seed=2, dtype=torch.float32)
    y = fp8_linear(x, weight)
    y.backward(upstream)
    with torch.no_grad():
        expected = x @ weight.t(), upstream @ weight, upstream.t() @ x
    for value, reference in zip((y, x.grad, weight.grad), expected, strict=True):
        assert 0.03 < relative_difference(value, reference) < 0.045


def test_only_the_gradients_that_are_asked_for() -> None:
    x, weight = torch.randn(5, 7), torch.randn(3, 7, requires_grad=True)
    fp8_linear(x, weight).sum().backward()
    assert weight.grad.any()
    x.requires_grad_()
    fp8_linear(x, weight.detach()).sum().backward()
    assert x.grad.any()


def test_an_input_that_is_quantised_already() -> None:
    x, weight = torch.randn(5, 130, requires_grad=True), torch.randn(3, 130, requires_grad=True)
    fp8_linear(x, weight).sum().backward()
    expected = fp8_linear(x, weight), x.grad.clone(), weight.grad.clone()
    x.grad, weight.grad = None, None
    y = fp8_linear_quantized(quantize_rows(x), x, weight)
    y.sum().backward()
    for value, reference in zip((y, x.grad, weight.grad), expected, strict=True):
        assert torch.equal(value, reference)
    values, scales = quantize_rows(x)
    assert not torch.equal(fp8_linear_quantized(Quantized(values, 2 * scales), x, weight), y)


def test_without_gradients_the_values_are_the_same() -> None:
    x, weight = torch.randn(5, 130), torch.randn(3, 130, requires_grad=True)
    with torch.no_grad():
        y = fp8_linear(x, weight)
    assert not y.requires_grad
    assert torch.equal(y, fp8_linear(x, weight))


def test_no_rows_give_no_rows_and_zero_gradient() -> None:
    x, weight = torch.ones(0, 6, requires_grad=True), torch.ones(3, 6, requires_grad=True)
    y = fp8_linear(x, weight)
    assert y.shape == (0, 3)
    y.sum().backward()
    assert not weight.grad.any()


def test_a_nan_in_the_gradient_is_seen() -> None:
    x, weight = torch.ones(4, 130, requires_grad=True), torch.ones(9, 130, requires_grad=True)
    upstream = torch.ones(4, 9)
    upstream[2, 3] = torch.nan
    fp8_linear(x, weight).backward(upstream)
    assert x.grad[2].isnan().all()
    assert x.grad[[0, 1, 3]].isfinite().all()
    assert weight.grad[3].isnan().all()
    assert weight.grad[[0, 8]].isfinite().all()
