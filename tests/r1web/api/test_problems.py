"""Whatever goes wrong, the API answers with problem details, and nothing is written."""

import json
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from r1web.api.v1 import api as ninja_api
from r1web.runs.models import Event, Run, Transition
from tests.r1web.conftest import Api


def body_of(response: HttpResponse, status: int) -> dict[str, Any]:
    """The problem, checked for what every problem has."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body["status"] == status
    assert set(body) == {"type", "title", "status", "detail", "code", "errors"}
    assert b"Traceback" not in response.content
    return body


def fields(response: HttpResponse, status: int = 422) -> list[str]:
    return [error["path"] for error in body_of(response, status)["errors"]]


def nothing_written() -> bool:
    return not any(model.objects.exists() for model in (Run, Event, Transition))


START: dict[str, Any] = {"preset": "r1-zero-nano", "name": "x"}

BAD_RUNS = [
    ({"config": {"grpo": {"group_sise": 4}}}, "grpo.group_sise"),
    ({"config": {"grpo": {"group_size": 1}}}, "grpo.group_size"),
    ({"config": {"grpo": {"group_size": "many"}}}, "grpo.group_size"),
    ({"config": {"grpo": {"group_size": None}}}, "grpo.group_size"),
    ({"config": {"grpo": 7}}, "grpo"),
    ({"config": {"optim": {"learning_rate": 1e308}}}, "optim.learning_rate"),
    ({"config": {"hardware": {"processes": 3}}}, "grpo.prompts_per_step"),
    ({"config": {"grpo": {"steps": 7, "steps_per_collection": 2}}}, "grpo.steps"),
    ({"config": {"model": {"path": "/etc"}}}, "model.path"),
    ({"config": []}, "config"),
    ({"config": None}, "config"),
    ({"preset": "r1-zero-huge"}, "preset"),
    ({"preset": 3}, "preset"),
    ({"preset": "../../secret"}, "preset"),
    ({"name": "x" * 10_000}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": "nul\0"}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"name": ["x"]}, "name"),
    ({"tags": "one"}, "tags"),
    ({"tags": ["x" * 41]}, "tags"),
    ({"tags": [str(n) for n in range(21)]}, "tags"),
    ({"tags": [1]}, "tags.0"),
    ({"checkpoint": "newest"}, "checkpoint"),
    ({"nmae": "x"}, "nmae"),
]


@pytest.mark.parametrize(("change", "field"), BAD_RUNS, ids=lambda value: str(value)[:40])
def test_a_run_that_cannot_be_is_refused_at_its_field(
    api: Api, change: dict[str, Any], field: str
) -> None:
    response = api.post("/runs", START | change)
    status = 403 if field == "model.path" else 422
    assert field in fields(response, status)
    assert nothing_written()


def test_a_checkpoint_that_is_not_there_is_named(api: Api) -> None:
    assert fields(api.post("/runs", START | {"checkpoint": 4711}), 404) == ["checkpoint"]
    assert nothing_written()


def test_every_field_at_fault_is_named_at_once(api: Api) -> None:
    config = {"grpo": {"group_size": 0, "steps": 0}, "reward": {"beauty": 1}}
    found = fields(api.post("/runs", START | {"config": config}))
    assert sorted(found) == ["grpo.group_size", "grpo.steps", "reward.beauty"]


@pytest.mark.parametrize("body", ["{", "\x00", b"\xff\xfe", "{'preset': 1}"])
def test_a_body_that_is_not_json_is_said_to_be_none(api: Api, body: str | bytes) -> None:
    assert body_of(api.post("/runs", body), 400)["code"] == "malformed_json"
    assert nothing_written()


@pytest.mark.parametrize("body", ["[]", "7", "null", '"text"', ""])
def test_a_body_that_is_not_an_object_is_refused(api: Api, body: str) -> None:
    body_of(api.post("/runs", body), 422)
    assert nothing_written()


def test_a_body_nested_beyond_reason_is_refused(api: Api) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    body_of(api.post("/runs", '{"config": {"a": ' + deep + "}}"), 400)
    assert nothing_written()


def test_a_huge_body_is_refused(api: Api) -> None:
    response = api.post("/runs", START | {"name": "x" * 2_000_000})
    assert body_of(response, 413)["code"] == "too_large"
    assert nothing_written()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/runs/abc", 404, "not_found"),
        ("GET", "/runs/99999999999999999999", 404, "not_found"),
        ("GET", "/runs/4711", 404, "not_found"),
        ("PUT", "/runs", 405, "method_not_allowed"),
        ("GET", "/runs?limit=0", 422, "invalid"),
        ("GET", "/runs?limit=many", 422, "invalid"),
        ("GET", "/runs?state=asleep", 422, "invalid"),
        ("GET", "/runs?sort=beauty", 422, "invalid"),
        ("GET", "/runs?cursor=abc", 422, "invalid"),
        ("GET", "/runs?q=%00", 422, "invalid"),
    ],
)
def test_an_address_that_cannot_be_answered(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    assert body_of(api.send(method, path), status)["code"] == code


def test_an_unknown_path_outside_the_version_is_a_problem_too(db: None) -> None:
    body_of(Client().get("/api/v2/runs"), 404)
    body_of(Client().post("/api"), 404)


def test_a_fault_of_ours_is_logged_and_tells_the_caller_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("r1web.runs.selectors.run_detail", broken)
    response = api.get("/runs/1")
    assert body_of(response, 500)["code"] == "internal"
    assert b"secret reason" not in response.content
    assert "the secret reason" in caplog.text


def test_a_database_that_is_away_is_said_to_be(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "create_cursor", away)
        answer = api.get("/runs")
    assert body_of(answer, 503)["code"] == "database_away"
    assert "connection refused" in caplog.text


def test_the_description_is_openapi_31_and_every_operation_says_how_it_fails() -> None:
    schema = ninja_api.get_openapi_schema()
    assert schema["openapi"].startswith("3.1")
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            if "/health/" not in path:
                assert "401" in {str(status) for status in operation["responses"]}, path
