"""FP8 experts with all of their kernels, against the float64 recipe the emulation is held to."""

import pytest
import torch

from kernels.fp8_grouped_experts import fp8_grouped_experts, fp8_grouped_experts_ref
from tests.kernels.test_fp8_grouped_experts import _case, _exact_gradients
from tests.tolerance import RELATIVE, relative_difference


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("dims", "chosen"), [((192, 128), 2), ((130, 35), 1)])
def test_values_and_gradients(dtype: torch.dtype, dims: tuple[int, int], chosen: int) -> None:
    leaves, experts_NK, grad_ND = _case(40, 3, chosen, dims, 0, dtype)
    x, gate_up, down, gates = leaves
    y = fp8_grouped_experts(x, gate_up, down, experts_NK, gates)
    y.backward(grad_ND)
    # A value that was rounded twice may fall on the other side of a step of E4M3.
    twice = RELATIVE[torch.bfloat16]
    expected = fp8_grouped_experts_ref(x, gate_up, down, experts_NK, gates)
    assert relative_difference(y, expected) < twice
    exact = _exact_gradients(leaves, experts_NK, grad_ND)
    for leaf, reference in zip(leaves, exact, strict=True):
        tolerance = twice if leaf is x else RELATIVE[dtype]
        assert relative_difference(leaf.grad, reference) < tolerance


def test_experts_without_tokens_get_zero_gradient() -> None:
    weights = [torch.randn(3, 16, 32).requires_grad_(), torch.randn(3, 16, 16).requires_grad_()]
    experts_NK = torch.full((5, 1), 1)
    fp8_grouped_experts(torch.randn(5, 16), *weights, experts_NK, torch.ones(5, 1)).sum().backward()
    for weight in weights:
        assert weight.grad[1].any()
        assert not weight.grad[[0, 2]].any()
