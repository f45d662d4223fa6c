"""A real Redis as channel layer, and sockets as the server sees them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings as django_settings
from pytest_django import Settings

from r1web.accounts.models import User
from r1web.accounts.services import create_token
from r1web.live.publisher import publisher
from r1web.live.routing import websocket
from r1web.runs.models import Event, Run
from r1web.runs.services import NewEvent, append_events

PATIENCE_S = 30.0


def layer_at(url: str) -> dict[str, Any]:
    """The settings' channel layer, on another Redis."""
    given = django_settings.CHANNEL_LAYERS["default"]
    (host,) = given["CONFIG"]["hosts"]
    config = {**given["CONFIG"], "hosts": [{**host, "address": url}]}
    return {"default": {**given, "CONFIG": config}}


@pytest.fixture
def layer(settings: Settings, redis_url: str) -> None:
    """The tests' Redis as channel layer; nothing of the test before is still on its way."""
    settings.CHANNEL_LAYERS = layer_at(redis_url)
    publisher.flush(PATIENCE_S)


@pytest.fixture
async def token(owner: User) -> str:
    return await in_db(lambda: create_token(user=owner, name="live").secret)


async def in_db(work: Callable[[], Any]) -> Any:
    return await database_sync_to_async(work)()


async def happen(run: Run, count: int = 1, **payload: Any) -> list[Event]:
    """Append `count` events to the run; they are published as in production."""
    items = [NewEvent("log", {"level": "info", "message": "m", **payload}) for _ in range(count)]
    return await in_db(lambda: append_events(run=run, attempt=None, items=items))


@dataclass
class Socket:
    """One connection, driven over ASGI: a list of what was sent, and the code it closed with."""

    path: str
    headers: list[tuple[bytes, bytes]]
    messages: list[dict[str, Any]] = field(default_factory=list)
    accepted: bool = False
    closed: int | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _incoming: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    writable: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the browser does not read, so sending waits."""

    def open(self) -> None:
        self.writable.set()
        self._incoming.put_nowait({"type": "websocket.connect"})
        path, _, query = self.path.partition("?")
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": self.headers,
            "subprotocols": [],
        }
        self.task = asyncio.create_task(websocket(scope, self._incoming.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self.writable.wait()
        async with self._news:
            if message["type"] == "websocket.accept":
                self.accepted = True
            elif message["type"] == "websocket.close":
                self.closed = message.get("code", 1000)
            else:
                self.messages.append(json.loads(message["text"]))
            self._news.notify_all()

    async def until(self, seen: Callable[["Socket"], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: seen(self))

    async def until_closed(self) -> int:
        await self.until(lambda socket: socket.closed is not None)
        assert self.closed is not None
        return self.closed

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == type_]

    def seqs(self) -> list[int]:
        """Numbers of the events that the browser has been given or told to fetch, in order."""
        return [
            seq
            for message in self.of("events")
            for seq in range(message["first_seq"], message["last_seq"] + 1)
        ]

    async def close(self) -> None:
        self.writable.set()
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def connect(layer: None, token: str) -> AsyncIterator[Connect]:
    """Connect to a path, as the owner with a token unless other headers are given."""
    opened: list[Socket] = []

    async def begin(path: str, *headers: tuple[str, str]) -> Socket:
        given = headers or (("authorization", f"Bearer {token}"),)
        socket = Socket(path, [(name.encode(), value.encode()) for name, value in given])
        opened.append(socket)
        socket.open()
        await socket.until(lambda s: s.accepted or s.closed is not None)
        return socket

    yield begin
    for socket in opened:
        await socket.close()
