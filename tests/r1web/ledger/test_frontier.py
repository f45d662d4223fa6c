"""Runs and stages on a plane of score against cost: what nothing beats, what a budget buys."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.ledger.frontier import Offer, best_within, frontier
from r1web.ledger.models import Booking, Price
from r1web.runs.models import Run, State
from tests.r1web.conftest import Api, caller
from tests.r1web.ledger.conftest import Story
from tests.r1web.runs.pipeline import PIPELINE, Told

MakeRun = Callable[..., Run]
MakeStory = Callable[..., Story]
PATH = "/ledger/frontier"
FEW = st.integers(0, 4).map(float)


def beats(one: Offer, other: Offer) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(st.lists(st.tuples(FEW, FEW), max_size=12), FEW)
def test_the_frontier_is_what_nothing_beats(offers: list[Offer], budget: float) -> None:
    found = frontier(offers)
    unbeaten = {i for i, x in enumerate(offers) if not any(beats(other, x) for other in offers)}
    assert set(found) == unbeaten
    assert len(found) == len(unbeaten)
    assert [offers[i] for i in found] == sorted(offers[i] for i in found)
    best = best_within(offers, budget)
    within = [x for x in offers if x[0] <= budget]
    assert (best is None) == (not within)
    if best is not None:
        assert offers[best] == min(within, key=lambda offer: (-offer[1], offer[0]))


def scored(run: Run, value: float) -> None:
    run.refresh_from_db()
    name = "eval/pass_at_1"
    run.summary = {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1}
    run.save()


def lived(story: Story, seconds: float, value: float | None) -> Run:
    story.begin()
    story.phase("training", seconds)
    story.tell("metrics", 1, values={})
    story.end()
    if value is not None:
        scored(story.run, value)
    return story.run


def named(answer: Any, *fields: str) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200, answer.content
    return [tuple(point[field] for field in fields) for point in answer.json()["points"]]


def test_runs_stand_by_cost_and_the_frontier_is_told(
    make_story: MakeStory, api: Api, stranger: User
) -> None:
    lived(make_story("cheap"), 3600, 0.4)
    lived(make_story("beaten", gpus=4), 3600, 0.3)
    lived(make_story("best", gpus=8), 3600, 0.6)
    lived(make_story("unscored"), 3600, None)
    scored(make_story("older than the ledger").run, 0.9)
    answer = api.get(PATH, budget=10)
    assert named(answer, "name", "micros", "device_hours", "on_frontier") == [
        ("cheap", 4_000_000, 2.0, True),
        ("beaten", 8_000_000, 4.0, False),
        ("best", 16_000_000, 8.0, True),
    ]
    body = answer.json()
    assert (body["best"]["name"], body["runs"], body["without_score"]) == ("cheap", 5, 2)
    assert (body["points"][0]["low"], body["metrics"]) == (pytest.approx(0.3), ["eval/pass_at_1"])
    assert api.get(PATH, budget=16).json()["best"]["name"] == "best"
    assert api.get(PATH, budget=3.99).json()["best"] is None
    assert named(api.get(PATH, q="beaten"), "name", "on_frontier") == [("beaten", True)]
    assert named(caller(stranger).get(PATH), "name") == []
    assert api.get(PATH, axis="fame").status_code == 422


def test_money_of_another_currency_has_no_place_beside_dollars(
    make_story: MakeStory, api: Api
) -> None:
    Price.objects.create(
        device_model="NVIDIA H800", currency="EUR", per_hour=3, valid_from="2026-03-02"
    )
    lived(make_story("dollars"), 3600, 0.4)
    lived(make_story("both"), 3 * 3600, 0.5)  # its end is on the next day
    assert named(api.get(PATH), "name") == [("dollars",)]
    assert api.get(PATH).json()["other_currency"] == 1
    assert api.get(PATH).json()["currencies"] == ["EUR", "USD"]
    assert named(api.get(PATH, currency="EUR"), "name") == []
    assert api.get(PATH, q="no such run").json()["currency"] == "USD"
    hours = named(api.get(PATH, axis="device_hours"), "name", "micros", "device_hours")
    assert hours == [("dollars", 4_000_000, 2.0), ("both", None, 6.0)]
    energy = named(api.get(PATH, axis="energy"), "energy_mj", "energy_estimated")
    assert energy == [(2 * 3600 * 700_000, True), (6 * 3600 * 700_000, True)]


def book(run: Run, stage: str, hours: int) -> None:
    Booking.objects.create(
        run=run, attempt=run.attempts.get(), day="2026-03-01", stage=stage, phase="training",
        node="n", device_model="NVIDIA H800", device_ms=hours * 3_600_000,
    )  # fmt: skip


@pytest.mark.usefixtures("runs_dir")
def test_a_stage_has_taken_what_led_to_it(make_run: MakeRun, api: Api) -> None:
    run = make_run(State.RUNNING, name="r1", overrides=PIPELINE)
    told = Told.of(run)
    told.turn("results", "began")
    for model, value in (("zero", 0.3), ("final", 0.8), ("base", 0.1)):
        told.score(18, "results", value, model)
    told.score(9, "dev1", 0.5)
    told.score(9, "dev1", 0.55)
    for stage, hours in (("grpo", 1), ("zero", 2), ("cold", 4), ("dev1", 8), ("final", 16)):
        book(run, stage, hours)
    found = named(api.get(PATH, axis="device_hours"), "stage", "score", "device_hours")
    assert found == [("zero", 0.3, 3.0), ("dev1", 0.55, 15.0), ("final", 0.8, 31.0)]
    sums = named(api.get(PATH, axis="device_hours", metric="eval/sums/pass_at_1"), "stage")
    assert sums == [("zero",), ("dev1",), ("final",)]
    Told.of(run, start_step=6, before=told)  # what came after is being done again
    left = named(api.get(PATH, axis="device_hours"), "stage")
    assert left == []


def test_as_many_queries_for_many_runs_as_for_one(make_story: MakeStory, api: Api) -> None:
    lived(make_story("one"), 60, 0.4)
    api.get(PATH)
    with CaptureQueriesContext(connection) as few:
        api.get(PATH)
    for number in range(4):
        lived(make_story(f"more-{number}"), 60, 0.4)
    api.get(PATH)  # the token is used later, which is noted
    with CaptureQueriesContext(connection) as many:
        assert len(named(api.get(PATH), "name")) == 5
    assert len(many) == len(few)
