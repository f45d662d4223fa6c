import pytest
import torch

from kernels import linear_logprob as kernel
from kernels.linear_logprob import linear_logprob, linear_logprob_ref
from tests.tolerance import RELATIVE, relative_difference


def _inputs(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden_MD = torch.randn(37, 16, generator=generator).to(dtype).requires_grad_()
    weight_VD = torch.randn(53, 16, generator=generator).to(dtype).requires_grad_()
    return hidden_MD, weight_VD, torch.randint(0, 53, (37,), generator=generator)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("temperature", [0.6, 1.0])
@pytest.mark.parametrize("rows", [1, 10, 37, 1000])
def test_values_and_gradients_equal_the_float64_reference(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, temperature: float, rows: int
) -> None:
    monkeypatch.setattr(kernel, "CHUNK_ELEMENTS", rows * 53)
    hidden_MD, weight_VD, targets_M = _inputs(dtype)
    exact = [x.detach().double().requires_grad_() for x in (hidden_MD, weight_VD)]
    expected = linear_logprob_ref(*exact, targets_M, temperature)
    result = linear_logprob(hidden_MD, weight_VD, targets_M, temperature)
    for value, reference in zip(result, expected, strict=True):
        assert value.dtype == torch.float32
        assert relative_difference(value, reference) < RELATIVE[dtype]
    upstream_M = torch.linspace(-1, 1, 37)
    (result[0] * upstream_M).sum().backward()
    (expected[0] * upstream_M).sum().backward()
    assert relative_difference(hidden_MD.grad, exact[0].grad) < RELATIVE[dtype]
    assert relative_difference(weight_VD.grad, exact[1].grad) < RELATIVE[dtype]


def test_gradient_passes_a_finite_difference_check() -> None:
    hidden_MD, weight_VD, targets_M = _inputs(torch.float64)
    assert torch.autograd.gradcheck(
        lambda h, w: linear_logprob_ref(h, w, targets_M, 0.8)[0].double(),
        (hidden_MD, weight_VD), atol=1e-2, eps=1e-2,
    )  # fmt: skip


def test_entropy_carries_no_gradient() -> None:
    assert not linear_logprob(*_inputs(torch.float32))[1].requires_grad


def test_no_positions_give_no_values() -> None:
    hidden_MD, weight_VD, targets_M = _inputs(torch.float32)
    logprobs_M, entropy_M = linear_logprob(hidden_MD[:0], weight_VD, targets_M[:0])
    assert logprobs_M.shape == entropy_M.shape == (0,)
    logprobs_M.sum().backward()
    assert not weight_VD.grad.any()


def test_temperature_must_be_positive() -> None:
    with pytest.raises(ValueError, match="temperature is 0"):
        linear_logprob(*_inputs(torch.float32), temperature=0)
