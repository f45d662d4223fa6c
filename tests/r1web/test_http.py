"""Requests as the server hands them in, over ASGI."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import connection, connections

from r1web import http
from r1web.http import KEPT_S, ThreadedHandler, keep_connections

pytestmark = pytest.mark.django_db(transaction=True)


async def get(handler: ThreadedHandler, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer."""
    requested, sent = False, []

    async def receive() -> dict[str, Any]:
        nonlocal requested
        if requested:
            await asyncio.Future()  # the browser stays
        requested = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "query_string": b""}
    scope["headers"] = [(b"host", b"testserver")]
    await handler(scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])


def request_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("request")}


async def test_every_middleware_has_its_say() -> None:
    status, headers, body = await get(ThreadedHandler(), "/api/v1/health/live")
    assert (status, body) == (200, b'{"status": "ok"}')
    assert {"x-request-id", "content-security-policy", "x-frame-options"} <= headers.keys()


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse")  # as r1web.asgi does
async def test_files_and_refusals_are_answered_too() -> None:
    handler = ThreadedHandler()
    status, _, body = await get(handler, "/static/pages/icon.svg")
    assert (status, body[:4]) == (200, b"<svg")
    status, headers, _ = await get(handler, "/api/v1/runs")
    assert (status, headers["content-type"]) == (401, "application/problem+json")


async def test_many_at_once_are_worked_on_by_a_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "THREADS", 2)
    before = request_threads()
    handler = ThreadedHandler()
    answers = await asyncio.gather(*[get(handler, "/api/v1/health/live") for _ in range(20)])
    assert [status for status, _, _ in answers] == [200] * 20
    assert len(request_threads() - before) <= 2


def test_connections_are_kept_on_postgresql_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    keep_connections()
    kept = KEPT_S if connection.vendor == "postgresql" else 0
    assert connections.settings["default"]["CONN_MAX_AGE"] == kept
