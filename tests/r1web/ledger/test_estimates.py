"""Forecasts and what-ifs: the run's own steps, with intervals that hold what they say."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from r1web.ledger.estimates import (
    UNSEEN,
    Range,
    on_other_devices,
    on_so_many,
    overhead,
    seconds_for,
)
from r1web.ledger.hardware import card
from r1web.ledger.models import Price
from tests.r1web.conftest import Api, caller
from tests.r1web.ledger.conftest import Story
from tests.r1web.runs.pipeline import PIPELINE, PLACES

MakeStory = Callable[..., Story]
H200 = {"device_model": "NVIDIA H200", "devices": 2, "per_hour": "4"}


def lived(story: Story, steps: int = 4) -> Story:
    story.begin()
    story.start()
    for step in range(1, steps + 1):
        story.step(step)
    story.save(steps)
    return story


def test_a_steady_run_is_forecast_without_spread(make_story: MakeStory, api: Api) -> None:
    story = lived(make_story())
    answer = api.get(f"/runs/{story.run.pk}/forecast").json()
    remaining = story.run.total_steps - 4
    seconds = remaining * 20 * (1 + 4 / 80)  # with its part of writing checkpoints
    assert (answer["steps"], answer["known_steps"]) == (remaining, 4)
    assert answer["seconds"] == pytest.approx({"low": seconds, "mid": seconds, "high": seconds})
    assert answer["device_hours"]["mid"] == pytest.approx(2 * seconds / 3600)
    # To a millionth of a dollar a booking, which is much of a booking of seconds.
    assert answer["micros"]["mid"] == pytest.approx(2 * seconds / 3600 * 2e6, rel=1e-4)
    assert answer["currency"] == "USD"
    (part,) = answer["stages"]
    assert part == {
        "stage": "grpo", "kind": "grpo", "steps": remaining, "basis": "own",
        "seconds": answer["seconds"], "why": "Steps of grpo take as long as its last 4 did.",
    }  # fmt: skip


def goes(story: Story, stage: str, seconds: Sequence[float], evaluates: float = 0) -> None:
    """These steps of the stage; then it evaluates, if it does."""
    first, _ = PLACES[stage]
    for step, lasts in enumerate(seconds, first + 1):
        story.phase("training", lasts, step, stage)
        story.tell("metrics", step, stage=stage, values={"time/step_s": lasts})
    story.phase("evaluating", evaluates, first + len(seconds), stage)
    story.tell("evaluation", first + len(seconds), stage=stage, values={}, problems=1,
               completions_per_problem=1)  # fmt: skip
    story.sample()


def rests(answer: Any) -> list[tuple[str, int, str, float]]:
    """Of each stage its steps, what their time rests on, and that time."""
    return [
        (part["stage"], part["steps"], part["basis"], part["seconds"]["mid"])
        for part in answer["stages"]
    ]


def test_each_stage_is_forecast_by_its_own_type_or_guessed(make_story: MakeStory, api: Api) -> None:
    story = make_story(overrides=PIPELINE)
    path = f"/runs/{story.run.pk}/forecast"
    story.begin()
    story.start()
    goes(story, "zero", [30, 30, 30, 30], evaluates=12)
    mean = 132 / 4
    answer = api.get(path).json()
    assert rests(answer) == [
        ("cold", 2, "guess", pytest.approx(2 * mean)),
        ("dev1", 3, "guess", pytest.approx(3 * mean)),
        ("preference", 2, "guess", pytest.approx(2 * mean)),
        ("final", 4, "same_type", pytest.approx(4 * 30 * 1.1)),
        ("results", 3, "guess", pytest.approx(3 * mean)),
    ]
    assert "guess" in answer["stages"][0]["why"]
    assert "of zero, a stage of its type" in answer["stages"][3]["why"]
    for part in answer["stages"]:
        low, mid, high = (part["seconds"][name] for name in ("low", "mid", "high"))
        if part["basis"] == "guess":
            assert (low, high) == (pytest.approx(mid / UNSEEN), pytest.approx(mid * UNSEEN))
        else:
            assert low == mid == high  # a steady stage, and one that is seen
    for bound in ("low", "mid", "high"):
        parts = [part["seconds"][bound] for part in answer["stages"]]
        assert answer["seconds"][bound] == pytest.approx(sum(parts))

    goes(story, "cold", [2, 2])
    goes(story, "dev1", [1, 1])  # of three
    answer = api.get(path).json()
    assert rests(answer)[0] == ("dev1", 1, "own", pytest.approx(1))
    assert rests(answer)[1] == ("preference", 2, "guess", pytest.approx(2 * 138 / 8))
    assert (answer["steps"], answer["known_steps"]) == (10, 8)
    whole = api.post(path.replace("forecast", "what-if"), H200 | {"device_model": "NVIDIA H800"})
    told = [132, 4, 3, 2 * 138 / 8, 132, 3 * 138 / 8]
    assert whole.json()["seconds"]["mid"] == pytest.approx(sum(told))
    assert whole.json()["steps"] == 18


def test_the_nearest_stage_of_a_type_is_followed(make_story: MakeStory, api: Api) -> None:
    story = make_story(overrides=PIPELINE)
    story.begin()
    story.start()
    goes(story, "zero", [30, 30, 30, 30])
    for stage, seconds in [("cold", [2, 2]), ("dev1", [1, 1, 1]), ("preference", [3, 3])]:
        goes(story, stage, seconds)
    goes(story, "final", [50])  # too few to go by
    answer = api.get(f"/runs/{story.run.pk}/forecast").json()
    assert rests(answer)[0] == ("final", 3, "same_type", pytest.approx(90))
    story.tell("metrics", 13, stage="final", values={"time/step_s": 50.0})
    answer = api.get(f"/runs/{story.run.pk}/forecast").json()
    assert rests(answer)[0] == ("final", 2, "own", pytest.approx(100))


def test_before_its_second_step_a_run_says_why_it_has_none(make_story: MakeStory, api: Api) -> None:
    story = lived(make_story(), steps=1)
    answer = api.get(f"/runs/{story.run.pk}/forecast").json()
    assert answer["seconds"] is None
    assert "fewer than two steps" in answer["reason"]
    refused = api.post(f"/runs/{story.run.pk}/what-if", H200)
    assert (refused.status_code, "fewer than two" in refused.json()["detail"]) == (422, True)


def test_what_a_run_would_take_on_other_devices(make_story: MakeStory, api: Api) -> None:
    story = lived(make_story())
    path = f"/runs/{story.run.pk}/what-if"
    same = api.post(path, {**H200, "device_model": "NVIDIA H800", "per_hour": "2"}).json()
    assert same["steps"] == story.run.total_steps
    own = same["seconds"]["mid"]
    assert own == pytest.approx(story.run.total_steps * 20 * 1.05)
    assert same["seconds"]["low"] == pytest.approx(same["seconds"]["high"])

    other = api.post(path, H200).json()["seconds"]
    assert other["low"] < other["mid"] < other["high"] == pytest.approx(own)  # as many operations
    twice = api.post(path, {**H200, "device_model": "NVIDIA H800", "devices": 4}).json()
    assert twice["seconds"]["low"] == pytest.approx(own / 2)
    assert twice["seconds"]["high"] == pytest.approx(own / 2**0.7)
    assert twice["micros"]["mid"] == pytest.approx(own / 2**0.85 * 4 / 3600 * 4e6)
    told = api.post(path, {**H200, "device_model": "Gaudi", "relative_speed": 4}).json()
    assert told["seconds"]["mid"] == pytest.approx(own / 4)
    assert len(told["assumptions"]) == 4


def test_what_is_not_known_has_to_be_said(
    make_story: MakeStory, api: Api, stranger: object
) -> None:
    path = f"/runs/{lived(make_story()).run.pk}/what-if"
    for wanted, field in [
        (H200 | {"per_hour": None}, "per_hour"),
        (H200 | {"device_model": "Gaudi"}, "relative_speed"),
        (H200 | {"devices": 0}, "devices"),
    ]:
        answer = api.post(path, wanted)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, field)
    Price.objects.create(device_model="NVIDIA H200", per_hour="3", valid_from="2026-01-01")
    assert api.post(path, H200 | {"per_hour": None}).status_code == 200
    assert caller(stranger).post(path, H200).status_code == 404  # type: ignore[arg-type]
    assert caller(stranger).get(path.replace("what-if", "forecast")).status_code == 404  # type: ignore[arg-type]


def test_the_published_account_adds_up(api: Api) -> None:
    answer = api.get("/ledger/reference").json()
    for account, hours, usd in [
        ("DeepSeek-R1", 147_000, 294_000), ("DeepSeek-V3 base", 2_788_000, 5_576_000),
    ]:  # fmt: skip
        rows = [row for row in answer["published"] if row["account"] == account]
        (total,) = [row for row in rows if row["is_total"]]
        assert (total["gpu_hours"], total["usd"]) == (hours, usd)
        parts = [row for row in rows if not row["is_total"]]
        assert sum(row["gpu_hours"] for row in parts) == hours
        assert sum(row["usd"] for row in parts) == usd
        assert all(row["usd"] == 2 * row["gpu_hours"] and row["source"] for row in rows)
    assert all(row["source"] for row in answer["press_estimates"])


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draw = random.Random(7)
    held = 0
    for _ in range(1000):
        known = [draw.gauss(20, 4) for _ in range(40)]
        found = seconds_for(60, known)
        held += found.low <= sum(draw.gauss(20, 4) for _ in range(60)) <= found.high
    assert held / 1000 == pytest.approx(0.95, abs=0.03)


def test_factors_of_time() -> None:
    own, other = card("NVIDIA A100"), card("NVIDIA H100")
    assert own is not None
    assert other is not None
    ms = {"sampling": 60, "training": 30, "checkpoint": 10, "idle": 999}
    found = on_other_devices(ms, own, other)
    bandwidth, operations = 2039 / 3350, 312 / 989
    assert found.mid == pytest.approx(0.6 * bandwidth + 0.3 * operations + 0.1)
    assert found.low == pytest.approx(0.1 + 0.9 * operations)
    assert found.high == pytest.approx(0.1 + 0.9 * bandwidth)
    assert on_so_many(1, 2).mid == pytest.approx(2**0.85)
    assert on_so_many(3, 3) == Range(1, 1, 1)
    assert (overhead({}), overhead({"training": 10, "evaluation": 5})) == (1, 1.5)
    assert math.isclose(on_other_devices({}, own, own).mid, 1)
