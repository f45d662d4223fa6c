import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.grouped_experts import grouped_experts, grouped_experts_ref
from tests.tolerance import RELATIVE, relative_difference


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(
    tokens=st.integers(1, 40), experts=st.integers(1, 7), seed=st.integers(0, 99), data=st.data()
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_values_and_gradients_equal_the_float64_reference(
    dtype: torch.dtype, tokens: int, experts: int, seed: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.integers(1, experts))
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    inputs = [random(tokens, 16), random(experts, 16, 48) / 4, random(experts, 24, 16) / 5]
    experts_NK = torch.rand(tokens, experts, generator=generator).topk(chosen, dim=1).indices
    gates_NK = torch.rand(tokens, chosen, generator=generator)
    upstream_ND = random(tokens, 16)
    results = []
    for op, kind in ((grouped_experts, dtype), (grouped_experts_ref, torch.float64)):
        leaves = [x.detach().to(kind).requires_grad_() for x in inputs]
        gates = gates_NK.detach().to(torch.promote_types(kind, torch.float32)).requires_grad_()
        y_ND = op(*leaves, experts_NK, gates)
        y_ND.backward(upstream_ND.to(kind))
        results.append([y_ND.detach(), *(leaf.grad for leaf in (*leaves, gates))])
    for value, reference in zip(*results, strict=True):
        assert relative_difference(value, reference) < RELATIVE[dtype]


def test_experts_without_tokens_get_zero_gradient() -> None:
    weights = [torch.randn(3, 8, 8).requires_grad_(), torch.randn(3, 4, 8).requires_grad_()]
    experts_NK = torch.full((5, 1), 1)
    grouped_experts(torch.randn(5, 8), *weights, experts_NK, torch.ones(5, 1)).sum().backward()
    for weight in weights:
        assert weight.grad[1].any()
        assert not weight.grad[[0, 2]].any()
