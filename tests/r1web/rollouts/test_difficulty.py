"""What is solved of which difficulty by when, and when each prompt was first solved."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from django.utils import timezone

from r1web.accounts.models import User
from r1web.rollouts.services import append_groups, seal_full
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]


def write(run: Run, told: list[tuple[int, str, float | None, list[float]]]) -> None:
    """Of each group the step, the prompt, how hard it is, and the accuracies."""
    attempt, _ = Attempt.objects.get_or_create(
        run=run, number=1, defaults={"started_at": timezone.now()}
    )
    places: dict[int, int] = {}
    for step, prompt, difficulty, rewards in told:
        place = places[step] = places.get(step, -1) + 1
        event = rollouts(
            step, place, rewards, prompt=prompt, question=prompt, difficulty=difficulty
        )
        append_groups([(attempt, event)])


@pytest.fixture(params=["fresh", "sealed"])
def run(make_run: MakeRun, request: pytest.FixtureRequest) -> Run:
    """Ten steps of an easy prompt, solved from step 4 on; a hard one, solved half at step 9; and
    one of unknown difficulty that nobody solves, asked at the first steps only."""
    run = make_run()
    told: list[tuple[int, str, float | None, list[float]]] = []
    for step in range(1, 11):
        told.append((step, "easy", 1, [float(step >= 4)] * 2))
        told.append((step, "hard", 3, [float(step == 9), nan]))
        if step <= 2:
            told.append((step, "odd", None, [0.0]))
    write(run, told)
    if request.param == "sealed":
        assert len(list(seal_full())) == 1
    return run


def test_each_difficulty_has_a_row_with_a_cell_for_each_range_of_steps(run: Run, api: Api) -> None:
    found = api.get(f"/runs/{run.pk}/difficulty", buckets=4).json()
    assert [(each["low"], each["high"]) for each in found["steps"]] == [
        (1, 3), (4, 6), (7, 9), (10, 10),
    ]  # fmt: skip
    assert found["difficulties"] == [{"low": 1, "high": 1}, {"low": 3, "high": 3}, None]
    assert found["completions"] == [[6, 6, 6, 2], [6, 6, 6, 2], [2, 0, 0, 0]]
    assert found["solved"] == [[0, 1, 1, 1], [0, 0, pytest.approx(1 / 6), 0], [0, None, None, None]]
    assert found["prompts"] == [[3, 3, 3, 1], [3, 3, 3, 1], [2, 0, 0, 0]]
    assert found["prompts_solved"][1] == [0, 0, pytest.approx(1 / 3), 0]


def test_conditions_narrow_it(run: Run, api: Api) -> None:
    found = api.get(f"/runs/{run.pk}/difficulty", buckets=1, where=["difficulty>1"]).json()
    assert (found["difficulties"], found["completions"]) == ([{"low": 3, "high": 3}], [[20]])
    known = api.get(
        f"/runs/{run.pk}/difficulty", buckets=1, where=["difficulty>1", "reward!=null"]
    ).json()
    assert (known["completions"], known["solved"]) == ([[10]], [[0.1]])


def test_many_difficulties_are_put_together(make_run: MakeRun, api: Api) -> None:
    run = make_run()
    write(run, [(1, f"p{n}", n / 10, [float(n % 2)]) for n in range(121)])
    found = api.get(f"/runs/{run.pk}/difficulty").json()
    assert len(found["difficulties"]) == 12
    assert found["difficulties"][0] == {"low": 0, "high": pytest.approx(1)}
    assert sum(row[0] for row in found["completions"]) == 121
    assert found["completions"][0] == [10]
    assert found["completions"][-1] == [11]  # its end belongs to the last


def test_a_run_without_rollouts_has_no_cells(make_run: MakeRun, api: Api) -> None:
    run = make_run()
    found = api.get(f"/runs/{run.pk}/difficulty").json()
    assert all(found[name] == [] for name in ("steps", "difficulties", "completions", "solved"))
    assert api.get(f"/runs/{run.pk}/prompts").json() == {
        "items": [], "total": 0, "solved": 0, "next_cursor": None,
    }  # fmt: skip


def prompts(api: Api, run: Run, **query: Any) -> list[tuple[str, int | None]]:
    found: list[tuple[str, int | None]] = []
    cursor = None
    while True:
        asked = {**query, "cursor": cursor} if cursor else query
        answer = api.get(f"/runs/{run.pk}/prompts", **asked).json()
        found += [(each["question"], each["solved_step"]) for each in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_each_prompt_says_when_it_was_first_solved(run: Run, api: Api, limit: int) -> None:
    easy, hard, odd = ("easy", 4), ("hard", 9), ("odd", None)
    assert prompts(api, run, limit=limit) == [easy, hard, odd]
    assert prompts(api, run, sort="-solved", limit=limit) == [hard, easy, odd]
    assert prompts(api, run, sort="-difficulty", limit=limit) == [hard, easy, odd]
    assert prompts(api, run, sort="asked", limit=limit)[0] == odd


def test_a_prompt_tells_how_often_it_was_asked_and_where_it_was_solved(run: Run, api: Api) -> None:
    answer = api.get(f"/runs/{run.pk}/prompts").json()
    assert (answer["total"], answer["solved"]) == (3, 2)
    assert answer["items"][1] == {
        "group_id": run.groups.get(step=9, question="hard").pk,
        "question": "hard",
        "task": "",
        "difficulty": 3,
        "asked": 10,
        "first_step": 1,
        "solved_step": 9,
        "solved": 0.05,
    }
    assert answer["items"][2]["group_id"] == run.groups.get(step=1, question="odd").pk


def test_what_a_later_attempt_replaced_does_not_count(run: Run, api: Api) -> None:
    run.attempts.update(ended_at=timezone.now())
    second = Attempt.objects.create(run=run, number=2, start_step=3, started_at=timezone.now())
    event = rollouts(4, 0, [0.0], prompt="easy", question="easy", difficulty=1)
    append_groups([(second, event)])
    assert prompts(api, run) == [("easy", None), ("hard", None), ("odd", None)]


def test_they_are_for_those_who_may_see_the_run(run: Run, api: Api, stranger: User) -> None:
    for path in (f"/runs/{run.pk}/difficulty", f"/runs/{run.pk}/prompts"):
        assert caller(stranger).get(path).status_code == 404
        assert api.get(path, where="colour=1").status_code == 422
    assert api.get(f"/runs/{run.pk}/prompts", sort="name").status_code == 422
