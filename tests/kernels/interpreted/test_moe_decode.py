"""The decoding experts' kernels against their reference in float64."""

import pytest
import torch
from torch import Tensor

from kernels import moe_decode as module
from kernels.moe_decode import moe_decode, moe_decode_ref
from kernels.quantize import Quantized, quantize_blocks
from tests.tolerance import RELATIVE, relative_difference

NUMPY_WARNS = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a GPU goes on in silence


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _choice(tokens: int, experts: int, chosen: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    experts_BK = torch.rand(tokens, experts, generator=generator).topk(chosen, dim=1).indices
    return experts_BK, torch.rand(tokens, chosen, generator=generator)


def _weights(experts: int, dim: int, width: int) -> tuple[Tensor, Tensor]:
    gate_up, down = _random(experts, dim, 2 * width), _random(experts, width, dim)
    return (gate_up / dim**0.5).bfloat16(), (down / width**0.5).bfloat16()


def _fp8(*weights: Tensor) -> tuple[Quantized, ...]:
    return tuple(quantize_blocks(weight.mT) for weight in weights)


@pytest.mark.parametrize("fp8", [False, True])
@pytest.mark.parametrize(
    ("tokens", "dim", "width", "experts", "chosen"),
    [(1, 64, 32, 4, 2), (9, 200, 72, 5, 3), (40, 192, 128, 2, 1), (18, 16, 140, 2, 2)],
)
def test_kernels_equal_the_reference(
    fp8: bool, tokens: int, dim: int, width: int, experts: int, chosen: int
) -> None:
    x = _random(tokens, dim).bfloat16()
    weights = _weights(experts, dim, width)
    experts_BK, gates_BK = _choice(tokens, experts, chosen)
    wide = _fp8(*weights) if fp8 else tuple(weight.double() for weight in weights)
    value = moe_decode(x, *(_fp8(*weights) if fp8 else weights), experts_BK, gates_BK)
    exact = moe_decode_ref(x.double(), *wide, experts_BK, gates_BK.double())
    assert value.dtype == torch.bfloat16
    assert relative_difference(value, exact) < RELATIVE[torch.bfloat16] / 2


@pytest.mark.parametrize("fp8", [False, True])
def test_more_tokens_than_a_tile_and_experts_without_any(fp8: bool) -> None:
    x = _random(70, 32).bfloat16()
    weights = _weights(6, 32, 16)
    experts_BK, gates_BK = torch.full((70, 1), 4), torch.rand(70, 1)
    experts_BK[17] = 1
    for weight in weights:
        weight[[0, 2, 3, 5]] = torch.nan  # not one of theirs is read into a result
    weights = _fp8(*weights) if fp8 else weights
    value = moe_decode(x, *weights, experts_BK, gates_BK)
    wide = weights if fp8 else tuple(weight.double() for weight in weights)
    exact = moe_decode_ref(x.double(), *wide, experts_BK, gates_BK.double())
    assert relative_difference(value, exact) < RELATIVE[torch.bfloat16] / 2


@pytest.mark.parametrize("assignments", [1, 1000, 3000])
def test_assignments_are_sorted_by_expert_and_stay_in_order(assignments: int) -> None:
    experts = 7
    chosen_A = torch.randint(5, (assignments,), generator=torch.Generator().manual_seed(1))
    order, spans = torch.zeros(assignments).int(), torch.zeros(experts, 2).int()
    module._sort[(experts,)](chosen_A, order, spans, assignments, CHUNK=1024)
    assert torch.equal(order.long(), chosen_A.sort(stable=True).indices)
    ends = torch.bincount(chosen_A, minlength=experts).cumsum(0)
    assert torch.equal(spans[:, 1].long(), ends)
    assert torch.equal(spans[1:, 0].long(), ends[:-1])


@NUMPY_WARNS
def test_a_number_that_is_not_one_reaches_the_result_in_fp8() -> None:
    x, weights = _random(3, 32).bfloat16(), _fp8(*_weights(2, 32, 16))
    x[1, 5] = torch.nan
    experts_BK, gates_BK = torch.tensor([[0], [1], [0]]), torch.ones(3, 1)
    value = moe_decode(x, *weights, experts_BK, gates_BK)
    assert value[1].isnan().all()
    assert value[[0, 2]].isfinite().all()
