"""Completions of a whole run: in any order, filtered, page by page, sealed or not."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import User
from r1web.rollouts.models import Column, Segment
from r1web.rollouts.services import append_groups, seal_full
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]
STEPS = 30


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """Thirty steps of one group of three, in three segments of which two are full."""
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    events = []
    for step in range(1, STEPS + 1):
        event = rollouts(step, 0, [step / 10, nan if step % 7 == 0 else 0.5, -1.0])
        first, *rest = event.completions
        changed = {"length": 1000 - step, "finish_reason": "length", "logprob_mean": nan}
        events.append(
            event.model_copy(update={"completions": [first.model_copy(update=changed), *rest]})
        )
    append_groups([(attempt, event) for event in events])
    return run


@pytest.fixture(params=["fresh", "sealed"])
def state(run: Run, request: pytest.FixtureRequest) -> str:
    """What was just written answers as what was indexed does."""
    if request.param == "sealed":
        assert len(list(seal_full())) == 1
    return str(request.param)


def pages(api: Api, run: Run, **query: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor = None
    while True:
        asked = {**query, "cursor": cursor} if cursor else query
        answer = api.get(f"/runs/{run.pk}/completions", **asked).json()
        found.append(answer["items"])
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


def listed(api: Api, run: Run, **query: Any) -> list[tuple[int, int]]:
    return [(row["step"], row["index"]) for page in pages(api, run, **query) for row in page]


EVERY = [(step, index) for step in range(1, STEPS + 1) for index in range(3)]


def reward(key: tuple[int, int]) -> float | None:
    step, index = key
    return (step / 10, None if step % 7 == 0 else 0.5, -1.0)[index]


@pytest.mark.parametrize("limit", [7, 100])
def test_they_come_in_the_order_asked_for_each_once(
    run: Run, state: str, api: Api, limit: int
) -> None:
    scored = [key for key in EVERY if reward(key) is not None]
    unscored = [key for key in EVERY if reward(key) is None]
    rising = sorted(scored, key=reward)  # type: ignore[arg-type]  # there is one
    falling = sorted(scored, key=lambda key: -reward(key))  # type: ignore[operator]
    assert listed(api, run, sort="reward", limit=limit) == rising + unscored
    assert listed(api, run, sort="-reward", limit=limit) == falling + unscored
    newest = sorted(EVERY, key=lambda key: -key[0])
    assert listed(api, run, limit=limit) == newest
    parts = listed(api, run, sort="-rewards.accuracy", limit=limit)
    assert parts == falling + unscored


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        (["step>=5", "step<8"], lambda key: 5 <= key[0] < 8),
        (["reward=null"], lambda key: reward(key) is None),
        (["reward!=null", "reward != 0.5"], lambda key: reward(key) not in {None, 0.5}),
        (["rewards.accuracy<=-1"], lambda key: key[1] == 2),
        (["finish_reason=length"], lambda key: key[1] == 0),
        (["finish_reason!=length"], lambda key: key[1] > 0),
        (["length>980", "index=0"], lambda key: key[1] == 0 and 1000 - key[0] > 980),
        (["trained=true", "policy_version=3"], lambda key: key[0] == 4),
        (["reward>1e9"], lambda key: key[1] > 2),
    ],
)
def test_only_what_the_conditions_hold_for(
    run: Run, state: str, api: Api, where: list[str], holds: Callable[[tuple[int, int]], bool]
) -> None:
    expected = [key for key in EVERY if holds(key)]
    assert listed(api, run, sort="step", where=where, limit=20) == expected
    answer = api.get(f"/runs/{run.pk}/completions", where=where, limit=1).json()
    assert (answer["matched"], answer["total"]) == (len(expected), len(EVERY))


def test_a_row_tells_what_there_is_to_know(run: Run, state: str, api: Api) -> None:
    (row,) = api.get(f"/runs/{run.pk}/completions", where=["step=3", "index=0"]).json()["items"]
    assert row | {"id": "", "group_id": 0} == {
        "id": "",
        "group_id": 0,
        "attempt": 1,
        "step": 3,
        "group": 0,
        "index": 0,
        "trained": True,
        "policy_version": 2,
        "question": "question 0",
        "answer": "42",
        "task": "",
        "difficulty": None,
        "text": "<think>0</think><answer>0.3</answer>",
        "reward": 0.3,
        "rewards": {"accuracy": 0.3, "format": 1.0},
        "reward_mean": pytest.approx((0.3 + 0.5 - 1) / 3),
        "advantage": pytest.approx(-0.2),
        "length": 997,
        "finish_reason": "length",
        "logprob_mean": None,
        "entropy_mean": None,
        "parsed": None,
        "reflections": 0,
        "other_script": 0.0,
        "starred": False,
        "notes": 0,
    }


def test_what_was_replaced_is_left_out_unless_asked_for(run: Run, state: str, api: Api) -> None:
    run.attempts.update(ended_at=timezone.now())
    second = Attempt.objects.create(run=run, number=2, start_step=27, started_at=timezone.now())
    append_groups([(second, rollouts(28, 0, [9.0]))])
    kept = [key for key in EVERY if key[0] <= 27]
    assert listed(api, run, sort="step") == [*kept, (28, 0)]
    assert listed(api, run, sort="step", attempt=2) == [(28, 0)]
    assert listed(api, run, sort="step", attempt=1) == EVERY
    everything = listed(api, run, sort="step", superseded=True)
    assert sorted(everything) == sorted([*EVERY, (28, 0)])


def test_one_completion_stays_where_it_is(run: Run, api: Api, stranger: User) -> None:
    row = api.get(f"/runs/{run.pk}/completions", sort="length").json()["items"][0]
    list(seal_full())
    shown = api.get(f"/completions/{row['id']}").json()
    assert shown["run_id"] == run.pk
    assert shown["completion"]["text"] == row["text"]
    assert shown["completion"] == shown["group"]["completions"][row["index"]]
    assert shown["group"]["prompt"] == "User: question 0"
    assert caller(stranger).get(f"/completions/{row['id']}").status_code == 404
    assert caller(stranger).get(f"/runs/{run.pk}/completions").status_code == 404


@pytest.mark.parametrize("name", ["0-0", "{}-3", "{}-", "x", "-1-1", "{}-0-0", "9" * 30 + "-1"])
def test_there_is_no_other_completion(run: Run, api: Api, name: str) -> None:
    group = run.groups.first()
    assert group is not None
    assert api.get(f"/completions/{name.format(group.pk)}").status_code == 404


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ({"where": "reward"}, "where", "is not a condition"),
        ({"where": "colour=3"}, "where", "no field “colour”"),
        ({"where": "reward>high"}, "where", "“high” in “reward>high” is not a number"),
        ({"where": "rewards.fromat>0"}, "where", "has a part “fromat”"),
        ({"sort": "colour"}, "sort", "no field “colour”"),
        ({"cursor": "x"}, "cursor", "start again"),
        ({"limit": 101}, "limit", "less than or equal to 100"),
    ],
)
def test_a_mistake_is_named(run: Run, api: Api, query: Any, path: str, says: str) -> None:
    answer = api.get(f"/runs/{run.pk}/completions", **query)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"].split(".")[0] == path
    assert says in error["message"]


def test_a_run_without_rollouts_has_none(make_run: MakeRun, api: Api) -> None:
    answer = api.get(f"/runs/{make_run().pk}/completions", where="rewards.x>1").json()
    assert answer == {"items": [], "matched": 0, "total": 0, "next_cursor": None}


def test_a_segment_is_sealed_once(run: Run) -> None:
    first = Segment.objects.get(run=run, number=0)
    assert list(seal_full()) == [first]
    first.refresh_from_db()
    assert (first.sealed_at is not None, first.completions) == (True, 48)
    columns = Column.objects.count()
    assert list(seal_full()) == []
    assert Column.objects.count() == columns


def test_a_page_takes_the_same_few_queries_however_long_it_is(
    run: Run, state: str, api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(f"/runs/{run.pk}/completions")  # notes that the token was used, once a minute
    for limit in (1, 50):
        # token, run, attempts, segments, fresh groups, groups, their segments, stars, notes;
        # columns of what is sealed are kept since the request before
        with django_assert_num_queries(9):
            api.get(f"/runs/{run.pk}/completions", limit=limit)
