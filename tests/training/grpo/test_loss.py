import math

import pytest
import torch
from torch import Tensor

from training.grpo.loss import grpo_loss

LENGTHS = [5, 1, 3, 4]
CLIP_EPS, KL_COEF = 0.2, 0.3


def naive_loss(logprobs_BT: Tensor, old_BT: Tensor, ref_BT: Tensor, advantages_B: Tensor) -> Tensor:
    """The formula token by token, as it stands in the paper."""
    total = torch.zeros((), dtype=torch.float64)
    for b, length in enumerate(LENGTHS):
        of_sequence = torch.zeros((), dtype=torch.float64)
        for t in range(length):
            ratio = torch.exp(logprobs_BT[b, t] - old_BT[b, t])
            clipped = min(max(ratio.item(), 1 - CLIP_EPS), 1 + CLIP_EPS)
            advantage = advantages_B[b]
            if ratio.item() * advantage <= clipped * advantage:
                surrogate = ratio * advantage
            else:
                surrogate = clipped * advantage
            log_ratio = ref_BT[b, t] - logprobs_BT[b, t]
            k3 = torch.exp(log_ratio) - log_ratio - 1
            of_sequence = of_sequence + surrogate - KL_COEF * k3
        total = total - of_sequence / length
    return total / len(LENGTHS)


@pytest.fixture
def case() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw() -> Tensor:
        return -3 * torch.rand(4, 5, dtype=torch.float64, generator=generator)

    logprobs_BT = draw()
    return {
        "logprobs_BT": logprobs_BT,
        # Within and beyond the clip range, so that both branches are taken.
        "old_logprobs_BT": logprobs_BT + (draw() + 1.5) / 3,
        "ref_logprobs_BT": draw(),
        "advantages_B": torch.tensor([1.3, -0.4, -1.1, 0.6], dtype=torch.float64),
        "mask_BT": torch.arange(5) < torch.tensor(LENGTHS)[:, None],
    }


def loss_and_gradient(case: dict[str, Tensor], **changes: object) -> tuple[Tensor, Tensor]:
    logprobs_BT = case["logprobs_BT"].clone().requires_grad_()
    arguments = {**case, "clip_eps": CLIP_EPS, "kl_coef": KL_COEF, "completions": 4, **changes}
    loss, _ = grpo_loss(**{**arguments, "logprobs_BT": logprobs_BT})  # type: ignore[arg-type]
    loss.backward()
    assert logprobs_BT.grad is not None
    return loss.detach(), logprobs_BT.grad


def test_loss_and_gradient_are_those_of_the_formula(case: dict[str, Tensor]) -> None:
    logprobs_BT = case["logprobs_BT"].clone().requires_grad_()
    wanted = naive_loss(
        logprobs_BT, case["old_logprobs_BT"], case["ref_logprobs_BT"], case["advantages_B"]
    )
    wanted.backward()
    loss, gradient_BT = loss_and_gradient(case)
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradient_BT, logprobs_BT.grad)


def test_what_stands_in_the_padding_does_not_matter(case: dict[str, Tensor]) -> None:
    loss, gradient_BT = loss_and_gradient(case)
    for name in ("logprobs_BT", "old_logprobs_BT", "ref_logprobs_BT"):
        case[name] = case[name].masked_fill(~case["mask_BT"], 1e6)
    case["old_logprobs_BT"] = -case["old_logprobs_BT"].where(
        ~case["mask_BT"], -case["old_logprobs_BT"]
    )
    again, gradient_again_BT = loss_and_gradient(case)
    assert again.equal(loss)
    assert gradient_again_BT.equal(gradient_BT)


def test_shares_add_up_to_the_whole(case: dict[str, Tensor]) -> None:
    whole, gradient_BT = loss_and_gradient(case)
    parts = [
        loss_and_gradient({name: value[rows] for name, value in case.items()})
        for rows in (slice(0, 1), slice(1, 4))
    ]
    torch.testing.assert_close(sum(loss for loss, _ in parts), whole)
    torch.testing.assert_close(torch.cat([gradient for _, gradient in parts]), gradient_BT)


def test_on_policy_the_gradient_is_that_of_reinforce(case: dict[str, Tensor]) -> None:
    _, gradient_BT = loss_and_gradient(
        case, old_logprobs_BT=case["logprobs_BT"], ref_logprobs_BT=None
    )
    lengths_B1 = torch.tensor(LENGTHS, dtype=torch.float64)[:, None]
    wanted_BT = -case["advantages_B"][:, None] / lengths_B1 / 4
    torch.testing.assert_close(gradient_BT, wanted_BT.where(case["mask_BT"], 0.0))


def test_sums_tell_kl_and_clipped_tokens() -> None:
    logprobs_BT = torch.tensor([[0.0, math.log(2), 0.0]])
    _, sums = grpo_loss(
        logprobs_BT,
        torch.zeros(1, 3),
        torch.tensor([[1.0, math.log(2), 7.0]]),
        torch.tensor([1.0]),
        torch.tensor([[True, True, False]]),
        clip_eps=0.5,
        kl_coef=0.1,
        completions=1,
    )
    assert sums["tokens"] == 2
    assert sums["clipped"] == 1  # ratio 2 above 1.5 with a positive advantage
    assert sums["kl"].item() == pytest.approx(math.e - 2)
