import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import ReasoningGymConfig
from training.corpus import document, question
from training.corpus.authors import Sum, careful, hasty
from training.corpus.working import Hand, work
from training.rewards.accuracy import accuracy
from training.rewards.format import format_reward
from training.tasks import Problem, build_task, is_held_out

sums = st.lists(st.integers(0, 999), min_size=2, max_size=4).flatmap(
    lambda terms: st.builds(
        Sum,
        st.just(terms),
        st.lists(st.sampled_from("+-"), min_size=len(terms) - 1, max_size=len(terms) - 1),
    )
)


@given(sums)
def test_a_careful_hand_gets_every_sum_right(problem: Sum) -> None:
    worked = work(problem.terms, problem.operators, Hand(Random(0), 0.0))
    assert worked.result == problem.result


@given(sums)
def test_every_column_of_a_careful_hand_is_a_true_equation(problem: Sum) -> None:
    worked = work(problem.terms, problem.operators, Hand(Random(0), 0.0))
    equations = re.findall(r"(\d+(?: [+-] \d+)+) = (\d+)", " ".join(worked.steps))
    assert equations
    for left, right in equations:
        terms = re.findall(r"([+-]?) ?(\d+)", left)
        assert sum(int(n) if sign != "-" else -int(n) for sign, n in terms) == int(right)


def test_carry_and_borrow_are_written_out() -> None:
    assert careful(Sum([47, 38], ["+"]), Random(0)) == (
        "<think>7 + 8 = 15, write 5 carry 1. 4 + 3 + 1 = 8.</think><answer>85</answer>"
    )
    assert careful(Sum([25, 42], ["-"]), Random(0)) == (
        "<think>25 < 42, so minus 42 - 25. 12 - 5 = 7, write 7 borrow 1. 4 - 2 - 1 = 1.</think>"
        "<answer>-17</answer>"
    )


def test_careful_earns_both_rewards_and_hasty_often_errs() -> None:
    task = build_task(ReasoningGymConfig())
    problem = Sum([47, 38], ["+"])
    asked = Problem(question(problem), "85", {"answer": "85"})

    def earned(completion: str) -> float:
        assert format_reward(completion, ended=True) == 1
        return accuracy(completion, asked, task)

    assert earned(careful(problem, Random(0))) == 1
    right = sum(earned(hasty(problem, Random(seed))) for seed in range(400)) / 400
    assert 0.25 < right < 0.6


def test_documents_are_the_same_for_ever_and_differ() -> None:
    assert document(0, 5, 0.3) == document(0, 5, 0.3)
    assert len({document(0, index, 0.3) for index in range(200)}) > 190


def test_no_held_out_question_is_in_the_corpus() -> None:
    for index in range(3000):
        for line in document(0, index, 0.3).split("\n"):
            asked = re.search(r"State the final answer .*? =$", line)
            plain = re.fullmatch(r"(\d+(?: [+-] \d+)+) = -?\d+", line)
            if asked:
                assert not is_held_out(asked[0])
            if plain:
                frame = "State the final answer to the following arithmetic problem:"
                assert not is_held_out(f"{frame} {plain[1]} =")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_careful_share_is_obeyed(share: float) -> None:
    worked = [text for i in range(300) if "User" in (text := document(0, i, share))]
    good = sum("<answer>" in text.split("Assistant:")[1] for text in worked) / len(worked)
    assert good == 1 if share else good < 1
