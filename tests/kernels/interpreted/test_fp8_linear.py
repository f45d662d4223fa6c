"""The FP8 linear layer with all of its kernels: its products against float64 on what they keep."""

import pytest
import torch
from torch import Tensor

from kernels.fp8_linear import fp8_linear, fp8_linear_quantized
from kernels.quantize import (
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks_ref,
    quantize_columns_ref,
    quantize_rows_ref,
)
from kernels.rms_norm_quant import rms_norm_quant
from tests.tolerance import RELATIVE, relative_difference


def _random(*shape: int, seed: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def _rows(x: Tensor) -> Tensor:
    return dequantize_rows(quantize_rows_ref(x), torch.float64)


def _columns(x: Tensor) -> Tensor:
    return dequantize_rows(quantize_columns_ref(x), torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sizes", [(128, 256, 128), (150, 192, 200)])
def test_the_three_products(dtype: torch.dtype, sizes: tuple[int, int, int]) -> None:
    tokens, inputs, outputs = sizes
    x = _random(tokens, inputs, seed=0, dtype=dtype).requires_grad_()
    weight = _random(outputs, inputs, seed=1, dtype=dtype).requires_grad_()
    upstream = _random(tokens, outputs, seed=2, dtype=dtype)
    y = fp8_linear(x, weight)
    y.backward(upstream)
    kept = dequantize_blocks(quantize_blocks_ref(weight), torch.float64)
    assert relative_difference(y, _rows(x) @ kept.t()) < RELATIVE[dtype]
    assert relative_difference(x.grad, _rows(upstream) @ kept) < RELATIVE[dtype]
    assert relative_difference(weight.grad, _columns(upstream) @ _columns(x).t()) < RELATIVE[dtype]


def test_a_layer_after_a_fused_norm() -> None:
    x, norm, weight = (
        _random(*shape, seed=3, dtype=torch.bfloat16).requires_grad_()
        for shape in ((40, 192), (192,), (64, 192))
    )
    y, q = rms_norm_quant(x, norm, 1e-6)
    fp8_linear_quantized(q, y, weight).sum().backward()
    assert torch.equal(fp8_linear_quantized(q, y, weight), fp8_linear(y, weight))
    kept = dequantize_blocks(quantize_blocks_ref(weight), torch.float64)
    exact = x.detach().double().requires_grad_()
    wide = norm.detach().double().requires_grad_()
    out = exact * (exact.square().mean(1, keepdim=True) + 1e-6).rsqrt() * wide
    out.backward(_rows(torch.ones(40, 64)) @ kept)
    assert relative_difference(x.grad, exact.grad) < RELATIVE[torch.bfloat16]
    assert relative_difference(norm.grad, wide.grad) < RELATIVE[torch.bfloat16]
