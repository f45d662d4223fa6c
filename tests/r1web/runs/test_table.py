"""The table of runs: every order and every filter, page by page, beside a plain reference."""

import math
import operator
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from r1web.accounts.models import User
from r1web.errors import InvalidError
from r1web.runs import services
from r1web.runs.models import LastValue, Run, State
from r1web.runs.selectors import (
    filtered,
    parse_conditions,
    read_table,
    searching,
    table,
    visible_runs,
)
from tests.r1web.api.test_problems import fields
from tests.r1web.conftest import Api

MakeRun = Callable[..., Run]
pytestmark = pytest.mark.django_db
STATES = [State.QUEUED, State.RUNNING, State.LOST, State.FINISHED, State.FAILED, State.STOPPED]


@pytest.fixture(params=["large", "small"], autouse=True)
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones lead through every way of finding the first runs."""
    if request.param == "small":
        monkeypatch.setattr(table, "WINDOWS", (3, 5))
        monkeypatch.setattr(table, "FEW", 4)
        monkeypatch.setattr(searching, "FEW", 4)


@pytest.fixture
def runs(make_run: MakeRun) -> list[Run]:
    """Four in every state, with ties and gaps in their values."""
    pick = Random(7)
    return [_told(make_run, pick, number) for number in range(24)]


def _told(make_run: MakeRun, pick: Random, number: int) -> Run:
    end = STATES[number % len(STATES)]
    ends = {State.FINISHED, State.FAILED, State.STOPPED, State.QUEUED}
    run = make_run(
        State.STARTING if end in ends else end,
        name=f"{pick.choice('abc')}-{number}",
        tags=["Sweep", f"part {number % 4}"] if number % 3 else [],
    )
    told = {"reward/mean": pick.choice([0.0, 0.5, 1.0, -2.0]), "kl/mean": pick.random()}
    run.summary = {name: value for name, value in told.items() if pick.random() < 0.8}
    run.summary["broken"] = None
    run.last_step = pick.randrange(100)
    run.save()
    if end != run.state:
        services.transition(run=run, to=end, reason="It ended.", actor="test")
    return run


def all_pages(
    user: User, *, limit: int = 5, where: list[str] | None = None, **asked: Any
) -> list[int]:
    filters = {name: asked.pop(name) for name in ("state", "tag", "q") if name in asked}
    found: list[int] = []
    cursor = None
    while True:
        rows, cursor = read_table(
            filtered(visible_runs(user), **filters),
            conditions=parse_conditions(where or []),
            cursor=cursor,
            limit=limit,
            **asked,
        )
        found += [row.id for row in rows]
        if cursor is None:
            return found
        assert len(rows) == limit


def value_of(run: Run, name: str) -> float | None:
    return float(run.last_step) if name == "last_step" else run.summary.get(name)


WHERE = [
    [], ["reward>=0.5"], ["kl/mean<0.02"], ["kl/mean!=null", "reward!=0.5"], ["reward=null"],
]  # fmt: skip


def test_every_order_and_condition(runs: list[Run], owner: User) -> None:
    for where in WHERE:
        for order in ("reward", "-reward", "kl/mean", "-kl/mean", "-last_step"):
            expected = by_a_value(runs, order, where)
            assert all_pages(owner, order=order, where=where) == expected, (order, where)
        for order in ("-created_at", "name", "-name", "state", "owner", "preset"):
            expected = by_a_field(runs, order, where)
            assert all_pages(owner, order=order, where=where) == expected, (order, where)


def by_a_value(runs: list[Run], order: str, where: list[str]) -> list[int]:
    name = {"reward": "reward/mean"}.get(order.lstrip("-"), order.lstrip("-"))
    sign = -1 if order.startswith("-") else 1

    def key(run: Run) -> tuple[float, int]:
        value = value_of(run, name)
        return (math.inf, -run.pk) if value is None else (sign * value, sign * run.pk)

    expected = sorted((run for run in runs if _holds(run, where)), key=key)
    return [run.pk for run in expected]


COMPARE = {
    ">=": operator.ge, "<": operator.lt, "!=": operator.ne, "=": operator.eq
}  # fmt: skip


def _holds(run: Run, where: list[str]) -> bool:
    return all(_one_holds(run, text) for text in where)


def _one_holds(run: Run, text: str) -> bool:
    sign = next(sign for sign in (">=", "!=", "<", "=") if sign in text)
    name, word = text.split(sign)
    value = value_of(run, {"reward": "reward/mean"}.get(name, name))
    if word == "null":
        return COMPARE[sign](value, None)
    return value is not None and bool(COMPARE[sign](value, float(word)))


def by_a_field(runs: list[Run], order: str, where: list[str]) -> list[int]:
    field = order.lstrip("-")
    keys = [
        (run.owner.username if field == "owner" else getattr(run, field), run)
        for run in runs
        if _holds(run, where)
    ]
    expected = sorted(keys, key=lambda pair: -pair[1].pk)
    expected.sort(key=operator.itemgetter(0), reverse=order.startswith("-"))
    return [run.pk for _, run in expected]


def test_filters_and_pages_of_any_size(runs: list[Run], owner: User) -> None:
    expected = {run.pk for run in runs if run.state in {"failed", "running"} and run.tags}
    for order, limit in (("-reward", 1), ("-reward", 50), ("created_at", 1), ("created_at", 3)):
        found = all_pages(owner, order=order, state=["failed", "running"], tag="sweep", limit=limit)
        assert len(found) == len(expected)
        assert set(found) == expected
    assert set(all_pages(owner, order="-reward", q="PART 2")) == {
        run.pk for run in runs if "part 2" in run.tags
    }
    assert all_pages(owner, order="-reward", tag="part") == []


def test_rows_get_the_columns_asked_for(runs: list[Run], owner: User) -> None:
    columns = ["kl/mean", "broken", "nobody told this", "last_step"]
    rows, _ = read_table(
        visible_runs(owner), order="-kl/mean", columns=columns, cursor=None, limit=100
    )
    by_id = {run.pk: run for run in runs}
    assert len(rows) == len(runs)
    for row in rows:
        run = by_id[row.id]
        assert row.values == {
            "kl/mean": run.summary.get("kl/mean"),
            "broken": None,
            "nobody told this": None,
            "last_step": run.last_step,
        }


def test_nobody_else_s_runs(runs: list[Run], stranger: User) -> None:
    assert all_pages(stranger, order="-reward") == []


def test_values_follow_the_run(make_run: MakeRun, owner: User) -> None:
    run = make_run(State.RUNNING, summary={"reward/mean": 1.0}, last_step=3)
    assert not LastValue.objects.filter(run=run, name__name="reward/mean").exists()
    assert all_pages(owner, order="-reward", where=["reward=1"]) == [run.pk]
    services.transition(run=run, to=State.FINISHED, reason="It ended.", actor="test")
    kept = dict(run.last_values.values_list("name__name", "value"))
    assert kept["reward/mean"] == 1.0
    assert kept["last_step"] == 3
    # It goes on, and its newest value is another one: the one kept counts no more.
    services.transition(run=run, to=State.QUEUED, reason="Resumed.", actor="test")
    services.transition(run=run, to=State.STARTING, reason="Starts.", actor="test")
    Run.objects.filter(pk=run.pk).update(summary={"reward/mean": 0.25})
    assert all_pages(owner, order="-reward", where=["reward=1"]) == []
    assert all_pages(owner, order="-reward", where=["reward=0.25"]) == [run.pk]


def test_a_changed_name_is_found(make_run: MakeRun, owner: User) -> None:
    run = make_run(name="Straße 1", tags=["old"])
    services.edit_run(run=run, name="ΛΌΓΟΣ", tags=["new"])
    assert all_pages(owner, order="-created_at", q="λόγοσ") == [run.pk]
    assert all_pages(owner, order="-created_at", tag="New") == [run.pk]
    assert all_pages(owner, order="-created_at", q="straße") == []


def test_what_cannot_be_sorted_or_compared(runs: list[Run], owner: User, api: Api) -> None:
    with pytest.raises(InvalidError, match="No run has a value “beauty”"):
        read_table(visible_runs(owner), order="beauty", cursor=None, limit=5)
    for where in ("reward", "reward>much", "reward>null", "reward>nan", ">1"):
        assert fields(api.get("/runs", where=where)) == ["where"]
    cursor = api.get("/runs", sort="-reward", limit=2).json()["next_cursor"]
    assert fields(api.get("/runs", sort="reward", limit=2, cursor=cursor)) == ["cursor"]
