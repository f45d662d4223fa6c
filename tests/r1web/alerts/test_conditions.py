"""What a rule says of points, against plain readings of the definition."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from r1web.alerts.conditions import (
    Floats,
    Point,
    begins,
    holds,
    may_begin,
    may_end,
    slope,
    with_point,
)
from r1web.alerts.models import Rule, RuleKind

values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0])
)
finite = st.floats(-1e300, 1e300)


def points_of(given_values: Sequence[float]) -> list[Point]:
    return [Point(step, value, step) for step, value in enumerate(given_values, 1)]


def columns_of(given_values: Sequence[float]) -> tuple[Floats, Floats]:
    """The same points, steps and values apart."""
    return np.arange(1.0, len(given_values) + 1), np.array(given_values, np.float64)


def threshold(direction: str, limit: float, points: int) -> Rule:
    kind = RuleKind.THRESHOLD
    return Rule(kind=kind, metric="m", direction=direction, limit=limit, points=points)


@given(st.lists(values, max_size=12), st.sampled_from(["above", "below"]), st.integers(1, 5))
def test_a_threshold_holds_when_every_one_of_the_last_points_is_beyond_it(
    given_values: list[float], direction: str, points: int
) -> None:
    last = given_values[-points:]
    expected: bool | None = None
    if len(last) == points:
        signs = [1.0 if direction == "above" else -1.0 for _ in last]
        over = [sign * value > sign * 0.5 for sign, value in zip(signs, last, strict=True)]
        if all(over):
            expected = True
        elif not any(over) and not any(math.isnan(value) for value in last):
            expected = False
    assert holds(threshold(direction, 0.5, points), points_of(given_values)) is expected


@given(st.lists(values, min_size=1, max_size=6), st.integers(1, 3))
def test_a_rule_on_numbers_holds_when_the_last_points_are_none(
    given_values: list[float], points: int
) -> None:
    rule = Rule(kind=RuleKind.NONFINITE, metric="m", points=points)
    last = [math.isfinite(value) for value in given_values[-points:]]
    verdict = holds(rule, points_of(given_values))
    assert (verdict is True) == (len(last) == points and not any(last))
    if verdict is False:
        assert all(last)


def exact_slope(points: Sequence[Point]) -> Fraction:
    """Covariance over variance, in fractions: no rounding at all."""
    count = len(points)
    steps = [Fraction(point.step) for point in points]
    heights = [Fraction(point.value) for point in points]
    middle, level = sum(steps) / count, sum(heights) / count
    over = sum((x - middle) * (y - level) for x, y in zip(steps, heights, strict=True))
    return Fraction(over) / sum((x - middle) ** 2 for x in steps)


@given(
    st.lists(finite, min_size=2, max_size=30),
    st.integers(0, 10**6),
    st.lists(st.integers(1, 50), min_size=30, max_size=30),
)
def test_a_slope_is_the_least_squares_slope(
    heights: list[float], first: int, gaps: list[int]
) -> None:
    steps = [first + sum(gaps[:place]) for place in range(len(heights))]
    points = [Point(step, value, step) for step, value in zip(steps, heights, strict=True)]
    largest = max(abs(value) for value in heights)
    assert math.isclose(
        slope(points), float(exact_slope(points)), rel_tol=1e-9, abs_tol=1e-12 * largest
    )


@given(st.lists(finite, min_size=3, max_size=12), st.floats(-10, 10))
def test_a_slope_rule_looks_at_its_window_only(heights: list[float], limit: float) -> None:
    rule = Rule(kind=RuleKind.SLOPE, metric="m", direction="above", limit=limit, points=3)
    exact = exact_slope(points_of(heights)[-3:])
    assume(abs(exact - Fraction(limit)) > Fraction(1, 10**9) * (1 + abs(exact)))
    largest = max(abs(value) for value in heights[-3:])
    assume(abs(float(exact) - limit) > 1e-11 * largest)
    assert holds(rule, points_of(heights)) is (exact > limit)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_slope_over_something_that_is_no_number_is_none(odd: float) -> None:
    rule = Rule(kind=RuleKind.SLOPE, metric="m", direction="below", limit=0.0, points=3)
    assert holds(rule, points_of([3.0, odd, 1.0])) is None
    assert holds(rule, points_of([3.0, 2.0])) is None


@given(st.lists(st.integers(1, 20), max_size=30), st.integers(1, 6))
def test_of_points_the_newest_are_kept_and_those_a_resumed_run_replaced_are_not(
    steps: list[int], keep: int
) -> None:
    recent: list[Point] = []
    for seq, step in enumerate(steps, 1):
        recent = with_point(recent, Point(step, float(seq), seq), keep)
        assert recent[-1] == Point(step, float(seq), seq)
        assert len(recent) <= keep
        assert [point.step for point in recent] == sorted({point.step for point in recent})


RULES = [
    threshold("above", 0.5, 1),
    threshold("below", 0.5, 3),
    Rule(kind=RuleKind.NONFINITE, metric="m", points=2),
    Rule(kind=RuleKind.SLOPE, metric="m", direction="below", limit=-0.5, points=3),
    Rule(kind=RuleKind.SLOPE, metric="m", direction="above", limit=0.0, points=2),
]


@pytest.mark.parametrize("rule", RULES)
@given(given_values=st.lists(values, max_size=12))
def test_what_may_begin_among_many_points_leaves_out_nothing_that_does(
    rule: Rule, given_values: list[float]
) -> None:
    points = points_of(given_values)
    begun = any(begins(rule, points[:count]) for count in range(1, len(points) + 1))
    if begun:
        assert may_begin(rule, *columns_of(given_values))
    elif rule.kind != RuleKind.SLOPE:
        assert not may_begin(rule, *columns_of(given_values))


@pytest.mark.parametrize("rule", RULES)
@given(given_values=st.lists(values, max_size=12))
def test_what_may_end_among_many_points_leaves_out_nothing_that_does(
    rule: Rule, given_values: list[float]
) -> None:
    points = points_of(given_values)
    ended = any(holds(rule, points[:count]) is False for count in range(1, len(points) + 1))
    if rule.kind != RuleKind.SLOPE:
        assert may_end(rule, columns_of(given_values)[1]) == ended
    elif ended:
        assert may_end(rule, columns_of(given_values)[1])


@pytest.mark.parametrize("rule", RULES)
def test_quiet_points_need_no_second_look(rule: Rule) -> None:
    quiet = [0.5 if rule.direction == "below" else 0.1] * 9
    if rule.kind == RuleKind.SLOPE and rule.direction == "above":
        quiet = [-float(step) for step in range(9)]
    assert not may_begin(rule, *columns_of(quiet))
