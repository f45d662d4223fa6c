"""Programs: the README's example, and what they are told when they are wrong."""

import pytest

from tests.e2e.api import SMALL, Api

pytestmark = pytest.mark.e2e

PROBLEM = "application/problem+json"


def test_a_program_starts_a_run_and_follows_it(api: Api) -> None:
    body = {"preset": "r1-zero-nano", "name": "by a program", "config": SMALL}
    first = api.post("/runs", body, **{"Idempotency-Key": "the same request"})
    again = api.post("/runs", body, **{"Idempotency-Key": "the same request"})
    assert again["id"] == first["id"]

    ended = api.await_end(first["id"])
    assert (ended["state"], ended["step"]) == ("finished", 40), ended["reason"]
    metrics = api.get(f"/runs/{first['id']}/metrics", names="eval/pass_at_1,reward/mean")
    assert metrics["last_seq"] == ended["last_seq"]
    series = {one["name"]: one for one in metrics["series"]}
    assert series["eval/pass_at_1"]["steps"][-1] == 40
    assert all(0 <= value <= 1 for value in series["eval/pass_at_1"]["values"])
    assert series["reward/mean"]["total"] == 40


def test_a_run_on_two_processes_finishes(api: Api) -> None:
    two = {**SMALL, "hardware": {"processes": 2}, "grpo": {**SMALL["grpo"], "steps": 6}}
    ended = api.await_end(api.start("on two processes", two))

    assert (ended["state"], ended["step"]) == ("finished", 6), ended["reason"]
    [started] = api.events(ended["id"], "started")
    assert started["payload"]["processes"] == 2


def test_a_program_is_told_what_is_wrong_and_nothing_is_written(api: Api) -> None:
    before = len(api.get("/runs")["items"])
    wrong = {"preset": "r1-zero-nano", "config": {"grpo": {"group_size": 1}}}

    refused = api.requests.post("/api/v1/runs", data=wrong)

    assert (refused.status, refused.headers["content-type"]) == (422, PROBLEM)
    assert [error["path"] for error in refused.json()["errors"]] == ["grpo.group_size"]
    missing = api.requests.get("/api/v1/runs/999999/metrics")
    assert (missing.status, missing.json()["code"]) == (404, "not_found")
    stranger = api.requests.get("/api/v1/runs", headers={"Authorization": "Bearer wrong"})
    assert (stranger.status, stranger.headers["content-type"]) == (401, PROBLEM)
    assert len(api.get("/runs")["items"]) == before
