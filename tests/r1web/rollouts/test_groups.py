"""A group's answers, the same prompt elsewhere, histograms, and how a run changes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.rollouts.answers import answer_of, clusters, normal
from r1web.rollouts.services import append_groups, seal_full
from r1web.rollouts.traits import other_script, reflections
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.rollouts.told import rollouts
from training.events import RolloutsEvent

MakeRun = Callable[..., Run]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>1</answer> no, <answer> 2 </answer> or 3", "2"),
        (r"so \boxed{\frac{1}{2}} it is, not 7", r"\frac{1}{2}"),
        (r"\boxed{1} then \boxed{never closed 12", "12"),
        ("first 3, then -1,234.50 apples", "-1,234.50"),
        ("half: 1/2", "1/2"),
        ("no idea", None),
        ("", None),
    ],
)
def test_an_answer_is_where_it_stands_last(text: str, answer: str | None) -> None:
    assert answer_of(text) == answer


def test_like_answers_stand_together_the_largest_first() -> None:
    given = ["7", "1,000.0", None, r"$\text{1000}$", "1000"]
    right = [False, True, None, True, True]
    found = clusters(given, [0.0, 1.0, None, 0.5, 1.0], right, "1000")
    assert [(one.answer, one.indexes, one.expected, one.right) for one in found] == [
        ("1,000.0", [1, 3, 4], True, True),
        ("7", [0], False, False),
        (None, [2], False, None),
    ]
    assert [one.reward_mean for one in found] == [pytest.approx(2.5 / 3), 0.0, None]


def test_what_the_verifier_refused_is_another_answer_however_alike() -> None:
    found = clusters(["5.0", "5", "5"], [0.0, 1.0, 1.0], [False, True, True], "5")
    assert [(one.answer, one.indexes, one.right) for one in found] == [
        ("5", [1, 2], True),
        ("5.0", [0], False),
    ]


@pytest.mark.parametrize(
    "alike",
    [
        ["1/2", "0.5", "50%", r"50\%", r"\frac{1}{2}", r"\boxed{\dfrac{2}{4}}", ".5", "0.50."],
        ["1000", "1,000", "+1000.0", "$1{,}000$".replace("{,}", ","), "1000."],
        ["Paris", " paris ", r"\text{Paris}", "paris."],
        ["-3/4", "-0.75", r"\frac{-3}{4}"],
    ],
)
def test_answers_that_differ_in_writing_only_are_one(alike: list[str]) -> None:
    assert len({normal(answer) for answer in alike}) == 1


def test_answers_that_say_something_else_stay_apart() -> None:
    different = ["1,2", "12", "1/0", "x", "x+1", "9" * 99, "9" * 98, "1/3", "0.333"]
    assert len({normal(answer) for answer in different}) == len(different)


@given(st.text())
def test_any_text_has_a_normal_form(answer: str) -> None:
    assert normal(normal(answer)) == normal(answer) or not answer.isascii()


@pytest.mark.parametrize(
    ("text", "count"),
    [("Wait, WAIT: check it. Butter await", 3), ("wait—but—no", 2), ("", 0), ("wait wait", 2)],
)
def test_reflective_words_are_whole_words(text: str, count: int) -> None:
    assert reflections(text) == count


@pytest.mark.parametrize(
    ("text", "prompt", "share"),
    [
        ("plain text, 1 + 2", "question", 0.0),
        ("abc 二三", "question", 0.4),
        ("二三", "问题 question", 0.0),
        ("ab", "问题", 1.0),
        ("да нет", "question", 1.0),
        ("naïve é", "question", 0.0),
        ("12 + 3 ≈ 15", "question", 0.0),
        ("abc", "1 + 2", 0.0),
    ],
)
def test_other_scripts_are_those_that_the_prompt_lacks(
    text: str, prompt: str, share: float
) -> None:
    assert other_script(text, prompt) == pytest.approx(share)


def told(step: int, group: int, rewards: list[float], text: str = "so 4") -> RolloutsEvent:
    event = rollouts(step, group, rewards)
    written = [one.model_copy(update={"text": text, "length": step}) for one in event.completions]
    return event.model_copy(update={"completions": written})


def fill(run: Run) -> Run:
    """Two prompts at each of twenty steps: 0 is solved from step 3 on, 1 at step 5 only."""
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    for step in range(1, 21):
        texts = ["Wait, 4", "so 二"] if step > 10 else ["so 4", "so 4"]
        first = told(step, 0, [float(step >= 3), 0.0], texts[0])
        second = told(step, 1, [float(step == 5), 0.5], texts[1])
        append_groups([(attempt, first), (attempt, second)])
    return run


@pytest.fixture(params=["fresh", "sealed"])
def run(make_run: MakeRun, request: pytest.FixtureRequest) -> Run:
    run = fill(make_run())
    if request.param == "sealed":
        assert len(list(seal_full())) == 1
    return run


def test_a_group_shows_its_answers(run: Run, api: Api, stranger: User) -> None:
    group = run.groups.get(step=5, index=1)
    answer = api.get(f"/groups/{group.pk}").json()
    assert answer["run_id"] == run.pk
    assert answer["group"]["step"] == 5
    assert answer["solved"] == 0.5
    assert answer["clusters"] == [
        {
            "answer": "4", "indexes": [index], "share": 0.5, "reward_mean": reward,
            "right": reward == 1, "expected": False,
        }
        for index, reward in enumerate([1.0, 0.5])
    ]  # fmt: skip
    assert caller(stranger).get(f"/groups/{group.pk}").status_code == 404
    assert api.get("/groups/0").status_code == 404


def test_the_same_prompt_is_found_at_other_steps_and_in_other_runs(
    run: Run, make_run: MakeRun, api: Api, stranger: User
) -> None:
    other = fill(make_run(name="other"))
    run.attempts.update(ended_at=timezone.now())
    resumed = Attempt.objects.create(run=run, number=2, start_step=4, started_at=timezone.now())
    append_groups([(resumed, told(5, 0, [1.0, 1.0]))])
    path = f"/groups/{run.groups.get(step=2, index=0).pk}/same-prompt"
    items = api.get(path).json()["items"]
    assert [(one["step"], one["attempt"], one["solved"]) for one in items] == [
        (1, 1, 0.0), (2, 1, 0.0), (3, 1, 0.5), (4, 1, 0.5), (5, 2, 1.0),
    ]  # fmt: skip
    there = api.get(path, run=other.pk).json()
    assert (there["run_id"], len(there["items"])) == (other.pk, 20)
    assert {one["index"] for one in there["items"]} == {0}
    mine = caller(stranger)
    assert mine.get(path).status_code == 404
    assert api.get(path, run=0).status_code == 404


def test_a_histogram_counts_values_or_ranges(run: Run, api: Api) -> None:
    path = f"/runs/{run.pk}/completions/histogram"
    rewards = api.get(path, where=["step>=3", "step<=5"]).json()
    assert rewards == {
        "bins": [
            {"low": 0.0, "high": 0.0, "count": 5},
            {"low": 0.5, "high": 0.5, "count": 3},
            {"low": 1.0, "high": 1.0, "count": 4},
        ],
        "missing": 0,
    }
    lengths = api.get(path, field="length", bins=2).json()["bins"]
    assert lengths == [
        {"low": 1.0, "high": 10.5, "count": 40},
        {"low": 10.5, "high": 20.0, "count": 40},
    ]
    assert api.get(path, field="colour").json()["errors"][0]["path"] == "field"
    assert api.get(path, where="reward>5").json() == {"bins": [], "missing": 0}


def test_how_a_run_changes_from_step_to_step(run: Run, api: Api) -> None:
    columns: dict[str, Any] = api.get(f"/runs/{run.pk}/emergence").json()
    assert columns["steps"] == list(range(1, 21))
    assert columns["completions"] == [4] * 20
    assert columns["length"] == [float(step) for step in range(1, 21)]
    assert columns["reflective"] == [0.0] * 10 + [0.5] * 10
    assert columns["reflections"] == [0.0] * 10 + [0.5] * 10
    assert columns["mixed"] == [0.0] * 10 + [0.5] * 10
    assert columns["other_script"][-1] == pytest.approx(0.5 / 3)
    assert columns["solved"] == [0.0] * 2 + [0.25] * 2 + [0.5] + [0.25] * 15
    assert columns["prompts"] == [2] * 20
    assert columns["prompts_solved"] == [0, 0, 1, 1] + [2] * 16
    assert columns["newly_solved"] == [0, 0, 1, 0, 1] + [0] * 15
    assert columns["counted"] == 80


def test_own_words_are_counted_in_the_texts(run: Run, api: Api) -> None:
    columns = api.get(f"/runs/{run.pk}/emergence", words=["so"], where="step>=9").json()
    assert columns["reflective"] == [1.0] * 2 + [0.5] * 10
    assert columns["counted"] == 48


def test_a_run_without_rollouts_has_nothing_to_show(make_run: MakeRun, api: Api) -> None:
    run = make_run()
    empty = api.get(f"/runs/{run.pk}/emergence", words=["so"]).json()
    assert (empty["steps"], empty["prompts"]) == ([], [])
    assert api.get(f"/runs/{run.pk}/completions/histogram").json()["bins"] == []
