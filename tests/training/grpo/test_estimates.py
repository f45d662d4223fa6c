"""pass@k and intervals, against slow references and by simulation."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest

from tests.tolerance import SHARE
from training.grpo.estimates import Estimate, pass_at_k, wilson_interval


@pytest.mark.parametrize("total", [1, 2, 5, 7])
def test_pass_at_k_is_the_share_of_the_subsets_with_a_right_one(total: int) -> None:
    for right in range(total + 1):
        completions = [place < right for place in range(total)]
        for k in range(1, total + 1):
            subsets = list(combinations(completions, k))
            assert pass_at_k(right, total, k) == pytest.approx(fmean(map(any, subsets)), abs=SHARE)


def test_pass_at_k_is_unbiased() -> None:
    """Over all outcomes of 6 completions, each right with probability 0.3."""
    chance, total, k = 0.3, 6, 4
    expected = math.fsum(
        math.comb(total, right)
        * chance**right
        * (1 - chance) ** (total - right)
        * pass_at_k(right, total, k)
        for right in range(total + 1)
    )
    assert expected == pytest.approx(1 - (1 - chance) ** k, abs=SHARE)


def test_pass_at_k_is_unknown_with_fewer_than_k() -> None:
    assert math.isnan(pass_at_k(2, 3, 4))


def test_interval_is_wilsons() -> None:
    # As statsmodels gives it: proportion_confint(8, 10, method="wilson").
    assert wilson_interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


@pytest.mark.parametrize(("right", "total"), [(0, 5), (5, 5), (3, 7)])
def test_with_one_completion_a_problem_the_interval_is_wilsons(right: int, total: int) -> None:
    estimate = Estimate.of([1.0] * right + [0.0] * (total - right), total)
    assert estimate.mean == right / total
    assert estimate.interval == pytest.approx(wilson_interval(right, total), abs=SHARE)
    low, high = estimate.interval
    assert 0 <= low <= right / total <= high <= 1


def test_completions_that_agree_within_a_problem_count_as_one() -> None:
    alike = Estimate.of([1.0, 0.0] * 10, 20 * 64)
    assert alike.interval == pytest.approx(wilson_interval(10, 20), abs=SHARE)


def test_an_interval_is_never_narrower_than_independent_completions_give() -> None:
    even = Estimate.of([0.5] * 19 + [0.4375], 20 * 16)
    assert even.interval == pytest.approx(wilson_interval(even.mean * 320, 320), abs=SHARE)


def test_nothing_scored_is_no_estimate() -> None:
    nothing = Estimate.of([math.nan, math.nan], 0)
    assert math.isnan(nothing.mean)
    assert nothing.interval == (0.0, 1.0)


def test_estimates_of_ranks_add_up() -> None:
    values = [0.0, 0.25, 1.0, 0.5, 0.75, math.nan]
    parts = [Estimate.of(values[rank::2], 12) for rank in range(2)]
    total = Estimate(*map(sum, zip(*parts, strict=True)))
    assert total == Estimate.of(values, 24)
    assert total.mean == 0.5


@pytest.mark.parametrize("problems", [32, 256])
@pytest.mark.parametrize("completions", [1, 4, 16])
@pytest.mark.parametrize("shape", [(0.3, 0.7), (2.0, 2.0), (20.0, 20.0)])
def test_the_interval_holds_the_truth_in_about_95_of_100_evaluations(
    problems: int, completions: int, shape: tuple[float, float]
) -> None:
    """Pass rates of problems are drawn from a beta distribution: from all-or-nothing to alike."""
    rng, times = np.random.default_rng(7), 1000
    truth = shape[0] / sum(shape)
    rates = rng.beta(*shape, size=(times, problems))
    shares = rng.binomial(completions, rates) / completions
    held = 0
    for row in shares.tolist():
        low, high = Estimate.of(row, problems * completions).interval
        held += low <= truth <= high
    assert 0.92 <= held / times <= 0.98
