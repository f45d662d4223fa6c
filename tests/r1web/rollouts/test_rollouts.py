"""The completions behind a point: what is stored, and how it is paged and sorted."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import User
from r1web.rollouts.models import Group
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.rollouts.told import LATE, rollouts
from training.events import RolloutsEvent

MakeRun = Callable[..., Run]


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """Two steps of four groups, mean rewards 0, 0.5, 0.5 and 1."""
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    for step in (1, 2):
        rewards = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
        append(attempt, [rollouts(step, group, given) for group, given in enumerate(rewards)])
    return run


def append(attempt: Attempt, events: list[RolloutsEvent]) -> list[Group]:
    return append_groups([(attempt, event) for event in events])


def resume(run: Run, start_step: int) -> Attempt:
    run.attempts.update(ended_at=timezone.now())
    return Attempt.objects.create(
        run=run, number=2, start_step=start_step, started_at=timezone.now()
    )


def pages(api: Api, run: Run, **query: Any) -> list[list[int]]:
    """The groups' places within the step, page by page."""
    found, cursor = [], None
    while True:
        asked = {**query, "cursor": cursor} if cursor else query
        answer = api.get(f"/runs/{run.pk}/rollouts", **asked).json()
        found.append([group["index"] for group in answer["items"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


def test_the_newest_step_is_shown_with_everything_about_it(run: Run, api: Api) -> None:
    answer = api.get(f"/runs/{run.pk}/rollouts").json()
    assert (answer["step"], answer["steps"]) == (2, {"first": 1, "last": 2})
    group = answer["items"][1]
    assert group | {"id": 0, "completions": []} == {
        "id": 0,
        "attempt": 1,
        "step": 2,
        "index": 1,
        "trained": True,
        "policy_version": 1,
        "steps_behind": 0,
        "fingerprint": "",
        "prompt": "User: question 1",
        "question": "question 1",
        "answer": "42",
        "task": "",
        "difficulty": None,
        "reward_mean": 0.5,
        "completions": [],
    }
    assert group["completions"][0] == {
        "id": f"{group['id']}-0",
        "index": 0,
        "text": "<think>0</think><answer>1.0</answer>",
        "reward": 1.0,
        "rewards": {"accuracy": 1.0, "format": 1.0},
        "reward_errors": {},
        "advantage": 0.5,
        "length": 7,
        "finish_reason": "stop",
        "logprob_mean": -0.25,
        "entropy_mean": None,
        "parsed": None,
        "reasons": {},
        "starred": False,
        "notes": 0,
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
@pytest.mark.parametrize(
    ("sort", "order"),
    [("index", [0, 1, 2, 3]), ("reward", [0, 1, 2, 3]), ("-reward", [3, 1, 2, 0])],
)
def test_paging_gives_every_group_once_in_order(
    run: Run, api: Api, sort: str, order: list[int], *, limit: int
) -> None:
    found = pages(api, run, step=1, sort=sort, limit=limit)
    assert [index for page in found for index in page] == order
    assert all(len(page) == limit for page in found[:-1])


def test_a_completion_without_a_reward_says_why_and_stays_out_of_the_mean(
    run: Run, api: Api
) -> None:
    events = [rollouts(3, 0, [1.0, nan]), rollouts(3, 1, [nan, nan]), rollouts(3, 2, [0.0, 0.0])]
    append(run.attempts.get(), events)
    groups = api.get(f"/runs/{run.pk}/rollouts", step=3).json()["items"]
    assert [group["reward_mean"] for group in groups] == [1.0, None, 0.0]
    unscored = groups[0]["completions"][1]
    assert (unscored["reward"], unscored["rewards"]) == (None, {"format": 1.0})
    assert unscored["reward_errors"] == {"accuracy": LATE}
    assert pages(api, run, step=3, sort="reward", limit=1) == [[1], [2], [0]]
    assert pages(api, run, step=3, sort="-reward", limit=1) == [[0], [2], [1]]


def test_a_group_tells_whether_it_was_trained_on_and_by_which_weights_it_was_written(
    run: Run, api: Api
) -> None:
    written = {"policy_version": 3, "fingerprint": "3f" * 32}
    dropped = rollouts(6, 1, [1.0, 1.0], trained=False, **written)
    trained = rollouts(6, 0, [1.0, 0.0], **written)
    append(run.attempts.get(), [trained, dropped])
    groups = api.get(f"/runs/{run.pk}/rollouts", step=6).json()["items"]
    assert [group["trained"] for group in groups] == [True, False]
    assert {(group["steps_behind"], group["fingerprint"]) for group in groups} == {(2, "3f" * 32)}


def test_a_cursor_stays_with_its_step_while_the_run_goes_on(run: Run, api: Api) -> None:
    first = api.get(f"/runs/{run.pk}/rollouts", limit=3).json()
    append(run.attempts.get(), [rollouts(3, 0, [1.0])])
    rest = api.get(f"/runs/{run.pk}/rollouts", limit=3, cursor=first["next_cursor"]).json()
    assert (rest["step"], [group["index"] for group in rest["items"]]) == (2, [3])


def test_what_a_later_attempt_replaced_is_hidden_unless_asked_for(run: Run, api: Api) -> None:
    second = resume(run, 1)
    append(second, [rollouts(2, 0, [1.0])])
    shown = api.get(f"/runs/{run.pk}/rollouts", step=2).json()["items"]
    assert [(group["attempt"], group["index"]) for group in shown] == [(2, 0)]
    old = api.get(f"/runs/{run.pk}/rollouts", step=2, attempt=1).json()["items"]
    assert [(group["attempt"], group["index"]) for group in old] == [(1, 0), (1, 1), (1, 2), (1, 3)]
    first = api.get(f"/runs/{run.pk}/rollouts", step=1).json()["items"]
    assert {group["attempt"] for group in first} == {1}


def test_no_rollouts_yet(make_run: MakeRun, api: Api) -> None:
    answer = api.get(f"/runs/{make_run().pk}/rollouts").json()
    assert answer == {
        "step": None,
        "steps": {"first": None, "last": None},
        "items": [],
        "next_cursor": None,
    }


def test_a_step_without_rollouts_is_empty(run: Run, api: Api) -> None:
    answer = api.get(f"/runs/{run.pk}/rollouts", step=77).json()
    assert (answer["step"], answer["items"]) == (77, [])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"cursor": "nonsense"}, "cursor"),
        ({"sort": "colour"}, "sort"),
        ({"limit": 101}, "limit"),
        ({"step": -1}, "step"),
    ],
)
def test_wrong_queries_name_the_field(run: Run, api: Api, query: dict[str, Any], path: str) -> None:
    answer = api.get(f"/runs/{run.pk}/rollouts", **query)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


def test_a_stranger_reads_no_completions(run: Run, stranger: User) -> None:
    assert caller(stranger).get(f"/runs/{run.pk}/rollouts").status_code == 404


def test_a_page_takes_the_same_few_queries_however_long_it_is(
    run: Run, api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(f"/runs/{run.pk}/rollouts")  # notes that the token was used, once a minute
    for limit in (1, 4):
        # token, run, attempts, ends, groups, segments, stars, notes
        with django_assert_num_queries(8):
            api.get(f"/runs/{run.pk}/rollouts", limit=limit)


def test_groups_come_back_in_the_order_they_were_given(run: Run) -> None:
    events = [rollouts(9, place, [float(place)]) for place in (2, 0, 1)]
    groups = append(run.attempts.get(), events)
    assert [group.index for group in groups] == [2, 0, 1]
    assert [group.completions[0].reward for group in groups] == [2.0, 0.0, 1.0]
    assert Group.objects.filter(step=9).count() == 3
