import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

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
    monkeypatch.setattr(kernel, "CHUNK_ROWS", 1)
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
        (hidden_MD, weight_VD),
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


def _peak_bytes(work: Callable[[], None]) -> int:
    """Most bytes of tensors at once that `work` allocates, as the allocator counts them."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        work()
    changes = [e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = itertools.accumulate(e.nbytes() for e in sorted(changes, key=lambda e: e.start_ns()))
    return max(held)


def _training_peak(
    op: Callable[..., tuple[Tensor, Tensor]], positions: int, vocabulary: int
) -> float:
    """Bytes of forward and backward in bf16 beside the gradients themselves, over a chunk's."""
    hidden_MD = torch.randn(positions, 16).bfloat16().requires_grad_()
    weight_VD = torch.randn(vocabulary, 16).bfloat16().requires_grad_()
    targets_M = torch.zeros(positions, dtype=torch.long)
    peak = _peak_bytes(lambda: op(hidden_MD, weight_VD, targets_M)[0].sum().backward())
    gradients = (positions + vocabulary) * 16 * 2 + vocabulary * 16 * 4  # the weight's also in fp32
    return (peak - gradients) / (4 * kernel.CHUNK_ELEMENTS)


def test_memory_does_not_grow_with_vocabulary_times_positions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel, "CHUNK_ELEMENTS", 1 << 16)
    monkeypatch.setattr(kernel, "CHUNK_ROWS", 1)
    # Logits are 4, 16, 16 and 64 chunks. A few values a position come on top.
    for positions, vocabulary in ((256, 1024), (1024, 1024), (256, 4096), (1024, 4096)):
        assert 3 < _training_peak(linear_logprob, positions, vocabulary) < 4.5
    assert _training_peak(linear_logprob_ref, 1024, 4096) > 150


def test_a_frozen_weight_gets_no_gradient() -> None:
    hidden_MD, weight_VD, targets_M = _inputs(torch.float32)
    whole = linear_logprob(hidden_MD, weight_VD, targets_M)[0].sum()
    (expected_MD,) = torch.autograd.grad(whole, hidden_MD)
    frozen = linear_logprob(hidden_MD, weight_VD.detach(), targets_M)[0].sum()
    (found_MD,) = torch.autograd.grad(frozen, hidden_MD)
    assert torch.equal(found_MD, expected_MD)
