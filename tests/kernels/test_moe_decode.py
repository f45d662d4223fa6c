"""Experts of a decoding step against float64, and FP8 weights against what they stand for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.grouped_experts import grouped_experts_ref
from kernels.moe_decode import moe_decode, moe_decode_ref
from kernels.quantize import dequantize_blocks, dequantize_rows, quantize_blocks, quantize_rows
from tests.tolerance import RELATIVE, relative_difference


def _inputs(
    tokens: int, dim: int, width: int, experts: int, chosen: int, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(tokens, dim, generator=generator),
        torch.randn(experts, dim, 2 * width, generator=generator) / dim**0.5,
        torch.randn(experts, width, dim, generator=generator) / width**0.5,
        torch.rand(tokens, experts, generator=generator).topk(chosen, dim=1).indices,
        torch.rand(tokens, chosen, generator=generator),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(
    tokens=st.integers(1, 30), experts=st.integers(1, 7), seed=st.integers(0, 99), data=st.data()
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_values_equal_every_expert_for_every_token(
    dtype: torch.dtype, tokens: int, experts: int, seed: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.integers(1, experts))
    *plain, experts_BK, gates_BK = _inputs(tokens, 24, 20, experts, chosen, seed)
    plain = [x.to(dtype) for x in plain]
    exact = grouped_experts_ref(*(x.double() for x in plain), experts_BK, gates_BK.double())
    reference = moe_decode_ref(*(x.double() for x in plain), experts_BK, gates_BK)
    assert relative_difference(reference, exact) < 1e-12
    value = moe_decode(*plain, experts_BK, gates_BK)
    assert value.dtype == dtype
    assert relative_difference(value, exact) < RELATIVE[dtype]


@given(tokens=st.integers(1, 9), dim=st.integers(1, 300), width=st.integers(1, 200))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_fp8_weights_give_the_recipes_numbers(tokens: int, dim: int, width: int) -> None:
    x, gate_up, down, experts_BK, gates_BK = _inputs(tokens, dim, width, 3, 2, 0)
    gate_up_fp8, down_fp8 = quantize_blocks(gate_up.mT), quantize_blocks(down.mT)
    value = moe_decode(x, gate_up_fp8, down_fp8, experts_BK, gates_BK)

    exact = torch.zeros(tokens, dim, dtype=torch.float64)
    rows = dequantize_rows(quantize_rows(x)).double()
    for b in range(tokens):
        for k, expert in enumerate(experts_BK[b].tolist()):
            gate, up = (dequantize_blocks(gate_up_fp8).double()[expert] @ rows[b]).chunk(2)
            hidden = (gate * gate.sigmoid() * up).float()
            hidden = dequantize_rows(quantize_rows(hidden[None]))[0].double()
            exact[b] += gates_BK[b, k] * (dequantize_blocks(down_fp8).double()[expert] @ hidden)
    # A sum that falls the other way at the edge of an E4M3 step is off by a sixteenth of itself.
    assert relative_difference(value, exact) < RELATIVE[torch.bfloat16]


def test_one_fp8_weight_alone_is_refused() -> None:
    x, gate_up, down, experts_BK, gates_BK = _inputs(2, 8, 8, 2, 1, 0)
    with pytest.raises(ValueError, match="quantise both or none"):
        moe_decode(x, quantize_blocks(gate_up.mT), down, experts_BK, gates_BK)
