from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.grouped_experts import grouped_experts, grouped_experts_ref, sorted_experts
from tests.tolerance import RELATIVE, relative_difference

BOTH = pytest.mark.parametrize("op", [grouped_experts, sorted_experts])
"""The way of a CPU, and the way of a GPU, which torch computes on a CPU as well."""


# Of a gate's gradient, one number a token, few tokens leave little but a sum that cancels.
@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(
    tokens=st.integers(4, 40), experts=st.integers(1, 7), seed=st.integers(0, 99), data=st.data()
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_values_and_gradients_equal_the_float64_reference(
    op: Callable[..., Tensor],
    dtype: torch.dtype,
    tokens: int,
    experts: int,
    seed: int,
    data: st.DataObject,
) -> None:
    chosen = data.draw(st.integers(1, experts))
    dim, width = data.draw(st.sampled_from([(16, 24), (10, 7)]))
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    inputs = [
        random(tokens, dim),
        random(experts, dim, 2 * width) / 4,
        random(experts, width, dim) / 5,
    ]
    experts_NK = torch.rand(tokens, experts, generator=generator).topk(chosen, dim=1).indices
    gates_NK = torch.rand(tokens, chosen, generator=generator)
    upstream_ND = random(tokens, dim)
    results = []
    for product, kind in ((op, dtype), (grouped_experts_ref, torch.float64)):
        leaves = [x.detach().to(kind).requires_grad_() for x in inputs]
        gates = gates_NK.detach().to(torch.promote_types(kind, torch.float32)).requires_grad_()
        y_ND = product(*leaves, experts_NK, gates)
        y_ND.backward(upstream_ND.to(kind))
        results.append([y_ND.detach(), *(leaf.grad for leaf in (*leaves, gates))])
    for value, reference in zip(*results, strict=True):
        assert relative_difference(value, reference) < RELATIVE[dtype]


@BOTH
def test_experts_without_tokens_get_zero_gradient(op: Callable[..., Tensor]) -> None:
    weights = [torch.randn(3, 8, 8).requires_grad_(), torch.randn(3, 4, 8).requires_grad_()]
    experts_NK = torch.full((5, 1), 1)
    op(torch.randn(5, 8), *weights, experts_NK, torch.ones(5, 1)).sum().backward()
    for weight in weights:
        assert weight.grad[1].any()
        assert not weight.grad[[0, 2]].any()
