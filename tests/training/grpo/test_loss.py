"""The loss of every variant, against the formulas of their papers and at the edges of numbers."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.training.grpo.cases import (
    AGGREGATIONS,
    LENGTHS,
    LONGEST,
    VARIANTS,
    grpo_config,
    loss_and_gradient,
    rows_of,
    scored,
    size_of,
)
from training.config import CispoLoss, GrpoConfig, GrpoLoss, GspoLoss
from training.grpo.loss import Scored
from training.grpo.ratio import BOUND

CORRECTIONS = [
    None,
    {"level": "token", "mode": "truncate", "max": 1.2},
    {"level": "token", "mode": "mask", "max": 1.2, "min": 0.8},
    {"level": "sequence", "mode": "truncate", "max": 1.2},
    {"level": "sequence", "mode": "mask", "max": 1.5, "min": 0.6},
]


def clip_of(config: GrpoConfig) -> tuple[float, float]:
    loss = config.loss
    if isinstance(loss, CispoLoss):
        return math.inf, loss.weight_max - 1
    if loss.type in ("grpo", "dr_grpo"):
        return loss.clip_eps, loss.clip_eps  # type: ignore[union-attr]
    return loss.clip_eps_low, loss.clip_eps_high  # type: ignore[union-attr]


def naive_policy(case: Scored, config: GrpoConfig, b: int, t: int) -> Tensor:
    """The policy term of one token, as it stands in the variant's paper."""
    length = LENGTHS[b]
    log_ratios = case.logprobs_BT[b, :length] - case.old_BT[b, :length]
    ratio = torch.exp(log_ratios.mean() if isinstance(config.loss, GspoLoss) else log_ratios[t])
    advantage, (low, high) = case.advantages_B[b], clip_of(config)
    if isinstance(config.loss, CispoLoss):
        return min(ratio.item(), 1 + high) * advantage * case.logprobs_BT[b, t]
    clipped = min(max(ratio.item(), 1 - low), 1 + high)
    if ratio.item() * advantage <= clipped * advantage:
        return ratio * advantage
    return clipped * advantage


def naive_weight(case: Scored, config: GrpoConfig, b: int, t: int) -> float:
    found = config.correction
    if found is None:
        return 1.0
    ratios = (case.old_BT - case.sampled_BT)[b, : LENGTHS[b]].exp()
    ratio = float(ratios.prod() if found.level == "sequence" else ratios[t])
    if found.mode == "truncate":
        return min(ratio, found.max)
    return ratio if (found.min or 0) <= ratio <= found.max else 0.0


def naive_loss(case: Scored, config: GrpoConfig) -> Tensor:
    """Token by token."""
    assert case.ref_BT is not None
    total = torch.zeros((), dtype=torch.float64)
    share = {
        "sequence": lambda length: 1 / length / len(LENGTHS),
        "token": lambda _: 1 / sum(LENGTHS),
        "constant": lambda _: 1 / (LONGEST * len(LENGTHS)),
    }[config.loss.aggregation]
    for b, length in enumerate(LENGTHS):
        for t in range(length):
            log_ratio = case.ref_BT[b, t] - case.logprobs_BT[b, t]
            kl = torch.exp(log_ratio) - log_ratio - 1
            policy = naive_policy(case, config, b, t) * naive_weight(case, config, b, t)
            total = total - share(length) * (policy - config.kl_coef * kl)
    return total


@pytest.mark.parametrize("correction", CORRECTIONS, ids=str)
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_and_gradient_are_those_of_the_formula(
    variant: str, aggregation: str, correction: dict[str, object] | None
) -> None:
    config = grpo_config(variant, aggregation=aggregation, correction=correction)
    case = scored()
    logprobs_BT = case.logprobs_BT.clone().requires_grad_()
    wanted = naive_loss(replace(case, logprobs_BT=logprobs_BT), config)
    wanted.backward()
    loss, gradient_BT, tally = loss_and_gradient(case, config)
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradient_BT, logprobs_BT.grad)
    # Both branches of what is bounded were taken.
    assert 0 < tally.sums["clip_high"] < sum(LENGTHS)
    if correction is not None:
        assert 0 < tally.sums["bounded"] < tally.sums["ratios"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_stands_in_the_padding_does_not_matter(variant: str) -> None:
    case = scored()
    config = grpo_config(variant, correction=CORRECTIONS[3])
    loss, gradient_BT, tally = loss_and_gradient(case, config)
    padding_BT = ~case.mask_BT
    assert case.ref_BT is not None
    filled = replace(
        case,
        logprobs_BT=case.logprobs_BT.masked_fill(padding_BT, 1e6),
        old_BT=case.old_BT.masked_fill(padding_BT, -1e6),
        sampled_BT=case.sampled_BT.masked_fill(padding_BT, math.nan),
        ref_BT=case.ref_BT.masked_fill(padding_BT, math.inf),
    )
    again, gradient_again_BT, tally_again = loss_and_gradient(filled, config)
    assert again.equal(loss)
    assert gradient_again_BT.equal(gradient_BT)
    assert tally_again == tally


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 8), max_size=4),
    variant=st.sampled_from(VARIANTS),
    aggregation=st.sampled_from(AGGREGATIONS),
    correction=st.sampled_from(CORRECTIONS),
    seed=st.integers(0, 1000),
)
def test_loss_and_gradient_do_not_change_with_the_cut(
    lengths: list[int],
    cuts: list[int],
    variant: str,
    aggregation: str,
    correction: dict[str, object] | None,
    seed: int,
) -> None:
    # A microbatch and a rank are the same to the loss: some of the step's completions.
    config = grpo_config(variant, aggregation=aggregation, correction=correction)
    case = scored(lengths, seed=seed)
    whole, gradient_BT, tally = loss_and_gradient(case, config)
    edges = sorted({0, len(lengths), *(cut for cut in cuts if cut < len(lengths))})
    parts = [
        loss_and_gradient(rows_of(case, slice(start, end)), config, size_of(case))
        for start, end in itertools.pairwise(edges)
    ]
    torch.testing.assert_close(sum(loss for loss, _, _ in parts), whole)
    torch.testing.assert_close(torch.cat([gradient for _, gradient, _ in parts]), gradient_BT)
    joined = parts[0][2]
    for _, _, part in parts[1:]:
        joined.join(part)
    assert joined.sums == pytest.approx(tally.sums)
    assert joined.most == tally.most


@pytest.mark.parametrize("variant", ["grpo", "dr_grpo", "dapo", "cispo"])
def test_on_policy_the_gradient_is_that_of_reinforce(variant: str) -> None:
    case = replace(scored(), ref_BT=None)
    config = grpo_config(variant, aggregation="sequence")
    _, gradient_BT, _ = loss_and_gradient(replace(case, old_BT=case.logprobs_BT), config)
    lengths_B1 = torch.tensor(LENGTHS, dtype=torch.float64)[:, None]
    wanted_BT = -case.advantages_B[:, None] / lengths_B1 / 4
    torch.testing.assert_close(gradient_BT, wanted_BT.where(case.mask_BT, 0.0))


def one_token(log_ratio: float, advantage: float, to_ref: float = 0.0) -> Scored:
    """fp32: one completion of one token."""
    value = torch.tensor([[log_ratio]])
    zero = torch.zeros(1, 1)
    return Scored(
        value, zero, zero, value + to_ref, torch.tensor([advantage]), torch.tensor([[True]])
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("log_ratio", [25.0, 1000.0, 1e20])
def test_a_ratio_beyond_all_measure_does_not_overflow(variant: str, log_ratio: float) -> None:
    config = grpo_config(variant, aggregation="sequence", correction=CORRECTIONS[1])
    flat, flat_gradient, _ = loss_and_gradient(one_token(log_ratio, 1.0), config)
    steep, steep_gradient, _ = loss_and_gradient(one_token(log_ratio, -1.0), config)
    assert flat.isfinite()
    assert flat_gradient.isfinite().all()
    if variant == "cispo":
        assert flat_gradient.item() == pytest.approx(-1.3)
        assert steep_gradient.item() == pytest.approx(1.3)
        return
    # The paper's objective is flat there: exactly no gradient. With a negative advantage it is
    # not, and the gradient pushes the token down, as hard as a number can.
    assert flat_gradient.item() == 0
    assert steep.isfinite()
    assert steep_gradient.item() == pytest.approx(math.exp(BOUND), rel=1e-5)


@pytest.mark.parametrize("log_ratio", [-3.0, -1e30])
def test_a_token_given_up_keeps_its_exact_gradient(log_ratio: float) -> None:
    config = grpo_config("grpo")
    _, down, _ = loss_and_gradient(one_token(log_ratio, -1.0), config)
    _, up, _ = loss_and_gradient(one_token(log_ratio, 1.0), config)
    assert down.item() == 0
    assert up.item() == pytest.approx(-math.exp(log_ratio))


def test_kl_does_not_overflow_and_pulls_towards_the_reference() -> None:
    loss, gradient, _ = loss_and_gradient(one_token(0.0, 0.0, to_ref=500.0), grpo_config("grpo"))
    assert loss.isfinite()
    assert gradient.item() == pytest.approx(0.3 * (1 - math.exp(BOUND)), rel=1e-5)


def test_a_long_completions_ratio_is_bounded_before_it_overflows() -> None:
    case = Scored(
        torch.zeros(1, 4000), torch.zeros(1, 4000), torch.full((1, 4000), -1.0), None,
        torch.ones(1), torch.ones(1, 4000, dtype=torch.bool),
    )  # fmt: skip
    kept, _, tally = loss_and_gradient(
        case, grpo_config("grpo", correction={"level": "sequence", "mode": "truncate", "max": 2})
    )
    assert kept.item() == pytest.approx(-2)
    assert tally.sums["bounded"] == 1
    assert math.isfinite(tally.most["sampler_ratio_max"])
    dropped, _, _ = loss_and_gradient(
        case, grpo_config("grpo", correction={"level": "sequence", "mode": "mask", "max": 2})
    )
    assert dropped.item() == 0


def test_the_tally_tells_kl_clipped_tokens_and_raw_ratios() -> None:
    logprobs_BT = torch.tensor([[0.0, math.log(2), 0.0]])
    case = Scored(
        logprobs_BT=logprobs_BT,
        old_BT=torch.zeros(1, 3),
        sampled_BT=torch.tensor([[0.0, -math.log(4), 9.0]]),
        ref_BT=torch.tensor([[1.0, math.log(2), 7.0]]),
        advantages_B=torch.tensor([1.0]),
        mask_BT=torch.tensor([[True, True, False]]),
    )
    config = GrpoConfig.model_validate(
        {"loss": GrpoLoss(clip_eps=0.5).model_dump(), "correction": {"max": 3.0}}
    )
    _, _, tally = loss_and_gradient(case, config)
    assert tally.sums["tokens"] == 2
    assert tally.sums["clip_high"] == 1  # ratio 2 above 1.5 with a positive advantage
    assert tally.sums["clip_low"] == 0
    assert (tally.most["clip_high_max"], tally.most["clip_high_min"]) == (0.5, -0.5)
    assert tally.sums["kl"] == pytest.approx(math.e - 2)
    assert tally.sums["ratio"] == pytest.approx(1 + 4)  # raw
    assert tally.sums["weight"] == pytest.approx(1 + 3)  # cut
    assert tally.sums["bounded"] == 1
    assert tally.most["sampler_ratio_max"] == pytest.approx(4)
    assert tally.most["sampler_difference_max"] == pytest.approx(math.log(4))


def test_a_completion_without_a_counted_token_adds_nothing_but_counts_as_one() -> None:
    case = scored()
    none = replace(case, mask_BT=case.mask_BT & torch.tensor([True, True, True, False])[:, None])
    first = rows_of(case, slice(0, 3))
    config = grpo_config("grpo")
    with_it, gradient_BT, _ = loss_and_gradient(none, config)
    without, _, _ = loss_and_gradient(first, config)
    torch.testing.assert_close(with_it, without * 3 / 4)
    assert gradient_BT[3].eq(0).all()
