"""Which answers are one, and what the majority says."""

from __future__ import annotations

import math
from itertools import product

import pytest

from tests.tolerance import SHARE
from training.grpo.majority import cons_at_k, majority, normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5", " 5.0 "), ("$5$", r"\boxed{5}"), ("1,234", "1234"), ("+7", "7"), ("Paris.", "paris"),
        (r"$\boxed{x + 1}$", "x  +\n1"), ("1e3", "1000"), ("-0", "0"),
    ],
)  # fmt: skip
def test_spellings_of_one_answer(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"), [("5", "-5"), ("1,2", "12"), ("1/2", "12"), ("nan", "inf"), ("", "0")]
)
def test_different_answers(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "1" * 40, "0." + "1" * 40])
def test_a_number_too_long_to_be_exact_stays_text(text: str) -> None:
    assert normal_form(text) == text


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["a", "a", "b"], 1.0),
        (["a", "b", "b"], 0.0),
        (["a", "b"], 0.5),  # a tie: as lots would fall
        (["a", "b", "c"], 1 / 3),
        (["a", None, None, None], 1.0),  # who says nothing has no vote
        ([None, None], 0.0),
    ],
)
def test_the_most_frequent_answer_counts(answers: list[str | None], expected: float) -> None:
    right: list[bool | None] = [answer == "a" for answer in answers]
    assert majority(answers, right) == pytest.approx(expected, abs=SHARE)


def test_what_could_not_be_scored_votes_but_decides_nothing() -> None:
    assert majority(["a", "a", "b", "b", "b"], [True, None, False, None, False]) == 0.0
    assert majority(["a", "a", "b"], [True, None, False]) == 1.0
    assert math.isnan(majority(["a", "a", "b"], [None, None, False]))
    assert math.isnan(majority(["a"], [None]))


def test_blocks_of_k_have_the_mean_that_k_completions_have() -> None:
    """Every one of the 3⁶ ways six completions may answer, against the definition for three."""
    answers = "abc"
    every = [majority(three, [one == "a" for one in three]) for three in product(answers, repeat=3)]
    blocks = [cons_at_k(six, [one == "a" for one in six], 3) for six in product(answers, repeat=6)]
    assert sum(blocks) / len(blocks) == pytest.approx(sum(every) / len(every), abs=SHARE)


def test_left_over_completions_are_not_used() -> None:
    assert cons_at_k(["a", "a", "b"], [True, True, False], 2) == 1.0
    assert math.isnan(cons_at_k([], [], 2))
