"""The Triton kernels of the fused head against float64."""

import pytest
import torch
from torch import Tensor

from kernels import linear_logprob as kernel
from kernels.linear_logprob import linear_logprob, linear_logprob_ref
from tests.tolerance import RELATIVE, relative_difference

BF16, FP32 = torch.bfloat16, torch.float32


def _inputs(positions: int, width: int, vocabulary: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden_MD = torch.randn(positions, width, generator=generator).to(BF16).requires_grad_()
    weight_VD = torch.randn(vocabulary, width, generator=generator).to(BF16).requires_grad_()
    return hidden_MD, weight_VD, torch.randint(0, vocabulary, (positions,), generator=generator)


@pytest.mark.parametrize(
    ("shape", "temperature", "shares", "columns"),
    [
        ((1, 16, 5), 1.0, 1, 32),  # one position, a vocabulary smaller than a tile
        ((37, 24, 150), 0.6, 5, 160),  # nothing is a multiple of a tile; a share for each
        ((37, 24, 150), 1.0, 2, 64),  # shares of several tiles; gradients in ragged chunks
        ((64, 32, 96), 1.7, 1, 96),  # everything is a multiple
    ],
)
def test_values_and_gradients_equal_float64(
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int, int],
    temperature: float,
    shares: int,
    columns: int,
) -> None:
    hidden_MD, weight_VD, targets_M = _inputs(*shape)
    monkeypatch.setattr(kernel, "_shares", lambda *_: shares)
    monkeypatch.setattr(kernel, "GRADIENT_ELEMENTS", columns * shape[0])
    exact = [x.detach().double().requires_grad_() for x in (hidden_MD, weight_VD)]
    expected = linear_logprob_ref(*exact, targets_M, temperature)
    found = linear_logprob(hidden_MD, weight_VD, targets_M, temperature)
    for value, reference in zip(found, expected, strict=True):
        assert value.dtype == FP32
        # Products of bf16 numbers are exact in fp32, and so wide is all that follows.
        assert relative_difference(value, reference) < RELATIVE[FP32]
    upstream_M = torch.linspace(-1, 1, shape[0]) + 0.3
    (found[0] * upstream_M).sum().backward()
    (expected[0] * upstream_M).sum().backward()
    assert relative_difference(hidden_MD.grad, exact[0].grad) < RELATIVE[BF16]
    assert relative_difference(weight_VD.grad, exact[1].grad) < RELATIVE[BF16]


def test_logits_far_from_zero_do_not_overflow_or_vanish() -> None:
    """Padding of the vocabulary's last tile must not stand above logits of minus thousands."""
    hidden_MD, weight_VD, targets_M = _inputs(16, 16, 40)
    with torch.no_grad():
        weight_VD.copy_(-weight_VD.abs())
        hidden_MD.copy_(hidden_MD.abs() * 300)
    expected = linear_logprob_ref(hidden_MD.double(), weight_VD.double(), targets_M)
    found = linear_logprob(hidden_MD, weight_VD, targets_M)
    assert float(expected[0].detach().min()) < -1000
    assert relative_difference(found[0], expected[0]) < RELATIVE[FP32]
    torch.testing.assert_close(found[1].double(), expected[1], atol=1e-3, rtol=0)


def test_a_frozen_weight_gets_no_gradient() -> None:
    hidden_MD, weight_VD, targets_M = _inputs(20, 16, 40)
    whole = linear_logprob(hidden_MD, weight_VD, targets_M)[0].sum()
    (expected_MD,) = torch.autograd.grad(whole, hidden_MD)
    frozen = linear_logprob(hidden_MD, weight_VD.detach(), targets_M)[0].sum()
    (found_MD,) = torch.autograd.grad(frozen, hidden_MD)
    assert torch.equal(found_MD, expected_MD)


@pytest.mark.parametrize("tiles", [(1, 1), (3, 7), (64, 1010), (4096, 800)])
def test_shares_cover_the_vocabulary_and_none_is_empty(tiles: tuple[int, int]) -> None:
    shares = kernel._shares(*tiles, torch.device("cpu"))
    of_share = -(-tiles[1] // shares)
    assert shares * of_share >= tiles[1] > (shares - 1) * of_share
