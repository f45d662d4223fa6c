"""Rejection sampling keeps what its config asks for, and says why it drops the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.pipeline.groups import group_of
from training.config import KeepConfig
from training.rejection.keeping import choose

GOOD = "<think>one and one are two</think><answer>2</answer>"
TWICE = GOOD.replace("two", "one and one are one and one")
LONG = "<think>one and one and then nothing more are two</think><answer>2</answer>"


def reasons(text: str, keep: KeepConfig, right: str = "y", total: float | None = 1.0) -> str:
    ((word, why),) = choose(group_of([text], [total], right=right), keep)
    assert bool(word) == bool(why)
    return word


@pytest.mark.parametrize(
    ("text", "keep", "word"),
    [
        (GOOD, {}, ""),
        ("2", {}, "formed"),
        ("2", {"formed": False}, ""),
        (GOOD.replace("two", "二二二二二"), {"language": "en"}, "language"),
        (GOOD, {"language": "en"}, ""),
        (TWICE, {"most_repeated": 0.1}, "most_repeated"),
        (GOOD, {"most_repeated": 0.0}, ""),
        (GOOD, {"longest_paragraph": 10}, "longest_paragraph"),
        (GOOD, {"longest_paragraph": 1000}, ""),
        (GOOD.replace("two", "```two```"), {"code_blocks": False}, "code_blocks"),
        (GOOD.replace("two", "```two```"), {}, ""),
    ],
)  # fmt: skip
def test_each_rule_drops_what_it_speaks_of(text: str, keep: dict[str, object], word: str) -> None:
    assert reasons(text, KeepConfig.model_validate(keep)) == word


def test_wrong_answers_and_those_without_a_reward_are_dropped() -> None:
    assert reasons(GOOD, KeepConfig(), right="n") == "right"
    assert reasons(GOOD, KeepConfig(right=False), right="n") == ""
    assert reasons(GOOD, KeepConfig(), total=None) == "not_scored"


def test_of_a_prompt_the_best_are_kept_and_of_equal_ones_the_shorter() -> None:
    group = group_of([LONG, GOOD, GOOD, GOOD], [2.0, 1.0, 2.0, 2.0], [9, 4, 5, 5])
    words = [word for word, _ in choose(group, KeepConfig(per_prompt=2))]
    assert words == ["per_prompt", "per_prompt", "", ""]


@given(
    st.lists(st.tuples(st.floats(0, 2), st.sampled_from("yn")), min_size=1, max_size=12),
    st.integers(1, 12),
)
def test_as_many_are_kept_as_may_be_and_none_that_is_wrong(
    drawn: list[tuple[float, str]], per_prompt: int
) -> None:
    totals, right = [total for total, _ in drawn], "".join(mark for _, mark in drawn)
    group = group_of([GOOD] * len(drawn), list(totals), right=right)
    kept = [n for n, (word, _) in enumerate(choose(group, KeepConfig(per_prompt=per_prompt)))
            if not word]  # fmt: skip
    good = [n for n, mark in enumerate(right) if mark == "y"]
    assert set(kept) <= set(good)
    assert len(kept) == min(per_prompt, len(good))
    left = [totals[n] for n in good if n not in kept]
    assert not left or min(totals[n] for n in kept) >= max(left)
