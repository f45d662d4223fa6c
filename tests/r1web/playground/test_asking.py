"""Who may talk to what, what is sent to the node, and what is said when it cannot be."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from r1web.accounts.models import User
from r1web.cluster.models import Node
from r1web.live.auth import Scope
from r1web.playground import openai, queue, services, wires
from r1web.playground.services import asking, reading
from r1web.playground.wires import Wires
from r1web.runs.models import Checkpoint, Run
from tests.r1web.conftest import Api, caller

QUESTION = "3 + 4 ="
Sent = list[tuple[int, int | None, str]]


@pytest.fixture(autouse=True)
def redis(redis_url: str, settings: Settings) -> Iterator["Redis"]:
    settings.REDIS_URL = redis_url
    with wires.connect() as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Runs and steps that nodes were asked to serve."""
    found: Sent = []
    monkeypatch.setattr(queue, "serve", lambda *told: found.append(told))
    return found


@pytest.fixture
def node(db: None) -> Node:
    return Node.objects.create(name="one", queue="node.one")


def ask(api: Api, model: str, **more: Any) -> Any:
    said = {} if "problem" in more else {"question": QUESTION}
    return api.post("/playground/answers", {"model": model, **said, **more})


@pytest.mark.usefixtures("node")
def test_a_run_offers_what_it_started_from_and_its_checkpoints(
    api: Api, make_run: Callable[..., Run], make_checkpoint: Callable[..., Checkpoint]
) -> None:
    run = make_run()
    make_checkpoint(run, 20)
    make_checkpoint(run, 10)
    gone = make_checkpoint(run, 5)
    gone.deleted_at = timezone.now()
    gone.save()
    names = [each["name"] for each in api.get(f"/runs/{run.pk}/models").json()["items"]]
    assert names == [f"run-{run.pk}/{last}" for last in ("base", "step-10", "step-20")]


def test_a_question_reaches_the_node_of_the_model(
    api: Api, node: Node, make_run: Callable[..., Run], sent: Sent, redis: "Redis"
) -> None:
    run = make_run()
    model = f"run-{run.pk}/base"
    answers = [ask(api, model, seed=7), ask(api, model, problem=3)]
    assert [answer.status_code for answer in answers] == [202, 202]
    requests = [
        json.loads(str(line)) for line in redis.lrange(Wires(node.queue, model).requests, 0, -1)
    ]
    assert [each["id"] for each in requests] == [answer.json()["id"] for answer in answers]
    assert requests[0]["messages"] == [{"role": "user", "content": QUESTION}]
    assert (requests[0]["seed"], requests[1]["problem"]) == (7, 3)
    assert sent == [(run.pk, None, "node.one")]  # once for both


@pytest.mark.usefixtures("node")
def test_where_somebody_serves_the_model_nobody_else_is_started(
    api: Api, make_run: Callable[..., Run], sent: Sent, redis: "Redis"
) -> None:
    model = f"run-{make_run().pk}/base"
    redis.set(Wires("node.one", model).owner, "me")
    assert ask(api, model).status_code == 202
    assert sent == []


@pytest.mark.usefixtures("node", "sent")
def test_a_stranger_finds_neither_models_nor_answers(
    api: Api, make_run: Callable[..., Run], stranger: User, owner: User
) -> None:
    run, strangers = make_run(), caller(stranger)
    assert strangers.get(f"/runs/{run.pk}/models").status_code == 404
    refused = ask(strangers, f"run-{run.pk}/base")
    assert refused.status_code == 404
    assert refused.json()["errors"][0]["path"] == "model"
    request_id = ask(api, f"run-{run.pk}/base").json()["id"]
    assert services.may_read(owner.pk, request_id)
    assert not services.may_read(stranger.pk, request_id)


@pytest.mark.usefixtures("node", "sent")
@pytest.mark.parametrize(
    "model", ["", "run-1", "run-1/step-x", "run-999999/base", "gpt", "run-1/base\n"]
)
def test_a_model_that_is_none_is_named(api: Api, model: str) -> None:
    assert ask(api, model).json()["errors"][0]["path"] == "model"


@pytest.mark.usefixtures("node", "sent")
@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", -1), ("top_p", 0), ("seed", 2**60), ("max_tokens", 0), ("problem", -1),
     ("question", ""), ("question", "a" * 20_000), ("best_of", 2)],
)  # fmt: skip
def test_a_bad_field_is_named(
    api: Api, make_run: Callable[..., Run], field: str, value: object
) -> None:
    refused = ask(api, f"run-{make_run().pk}/base", **{field: value})
    assert refused.status_code == 422
    assert field in refused.json()["errors"][0]["path"]


@pytest.mark.usefixtures("sent")
def test_without_a_node_that_takes_work_it_says_so(
    api: Api, node: Node, make_run: Callable[..., Run]
) -> None:
    node.cordoned = True
    node.save()
    refused = ask(api, f"run-{make_run().pk}/base")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_node")


@pytest.mark.usefixtures("node", "sent")
def test_one_user_has_so_many_answers_at_once(api: Api, make_run: Callable[..., Run]) -> None:
    model = f"run-{make_run().pk}/base"
    ids = [ask(api, model).json()["id"] for _ in range(asking.AT_ONCE)]
    refused = ask(api, model)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    services.cancel(ids[0])
    assert ask(api, model).status_code == 202


@pytest.mark.usefixtures("node", "sent")
def test_while_redis_is_away_it_says_so(
    api: Api, make_run: Callable[..., Run], settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    refused = ask(api, f"run-{make_run().pk}/base")
    assert (refused.status_code, refused.json()["code"]) == (503, "redis_away")


async def read(request_id: str) -> list[dict[str, Any]]:
    return [event async for event in services.events(request_id)]


@pytest.mark.usefixtures("node", "sent")
def test_an_answer_is_read_to_its_end(
    api: Api, make_run: Callable[..., Run], redis: "Redis"
) -> None:
    request_id = ask(api, f"run-{make_run().pk}/base").json()["id"]
    told = [{"type": "text", "text": "4"}, {"type": "done", "rewards": None}]
    for event in [*told, {"type": "text", "text": "more"}]:
        redis.xadd(wires.answer(request_id), {"event": json.dumps(event)})
    assert asyncio.run(read(request_id)) == told


@pytest.mark.usefixtures("node", "sent")
def test_a_session_that_is_gone_is_told_of(
    api: Api, make_run: Callable[..., Run], redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wires, "BLOCK_S", 0.05)
    request_id = ask(api, f"run-{make_run().pk}/base").json()["id"]
    monkeypatch.setattr(reading, "START_S", 0.0)
    with pytest.raises(services.FailedError, match="did not start"):
        asyncio.run(read(request_id))
    redis.xadd(wires.answer(request_id), {"event": json.dumps({"type": "began"})})
    with pytest.raises(services.FailedError, match="has ended"):
        asyncio.run(read(request_id))


def test_openais_clients_are_answered_in_their_form(db: None) -> None:
    sent: list[dict[str, Any]] = []
    scope: Scope = {"type": "http", "method": "GET", "path": "/v1/models", "headers": []}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    asyncio.run(openai.application(scope, receive, send))
    assert sent[0]["status"] == 401
    error = json.loads(sent[1]["body"])["error"]
    assert (error["code"], error["type"]) == ("not_authenticated", "invalid_request_error")
