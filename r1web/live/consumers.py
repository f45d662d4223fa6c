"""The two sockets of the browser: one run, and the list of runs.

Channels may drop messages, so a socket counts by the events' own `seq`: it sends each event once,
in order, takes from the database what it has not heard, and looks there by itself with every
ping. One task does all the sending; what arrives meanwhile waits in a bounded buffer, so a slow
browser gets fewer and larger messages, and costs no memory.

Close codes: 4400 bad query, 4401 not signed in (any more), 4404 no such run, 1013 try again later.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from r1web.accounts.models import User
from r1web.accounts.services import authenticate_token
from r1web.errors import NotFoundError, UnauthenticatedError
from r1web.live import selectors
from r1web.live.messages import (
    EventsMessage,
    HelloMessage,
    Message,
    PingMessage,
    RunsMessage,
)
from r1web.live.services import BODY_LIMIT, project_group, run_group, within_limit

logger = logging.getLogger(__name__)

PING_S = 15.0
LIST_INTERVAL_S = 0.5
BUFFERED_MESSAGES = 100
CATCH_UP_EVENTS = 2000
"""A browser that is further behind takes a new snapshot."""
PAGE = 200

BAD_QUERY = 4400
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
TRY_AGAIN = 1013


class Refusal(Exception):  # noqa: N818 - a refusal is what the socket answers, not a failure
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Lets a user in, keeps checking that they may stay, and sends from one task."""

    user: User
    _task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._groups: set[str] = set()
        self._changed = asyncio.Event()
        try:
            await super().__call__(scope, receive, send)
        except (RedisError, OSError) as error:
            logger.warning("Redis is away, a live socket closes: %s", error)
            await send({"type": "websocket.close", "code": TRY_AGAIN})
        finally:
            if self._task is not None:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task

    async def connect(self) -> None:
        """Accept first: only an open socket can be told by a code why it closes."""
        await self.accept()
        self._task = asyncio.create_task(self._serve())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing that a browser says is needed."""

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels names it
        for group in self._groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        raise StopConsumer

    async def begin(self) -> None:
        """Find out what to send; raise Refusal to close."""
        raise NotImplementedError

    async def send_new(self) -> None:
        """Send what is new since the last call."""
        raise NotImplementedError

    async def check(self) -> None:
        """With every ping: may the user still see it, and was anything missed?"""
        raise NotImplementedError

    async def _serve(self) -> None:
        try:
            await self._identify()
            await self.begin()
            await self._send_and_ping()
        except Refusal as refusal:
            await self.close(refusal.code)
        except (RedisError, OSError, OperationalError, InterfaceError) as error:
            logger.warning("A live socket closes, it cannot be served now: %s", error)
            await self.close(TRY_AGAIN)
        except Exception:
            logger.exception("A live socket failed")  # the task has nobody else to tell
            await self.close(1011)

    async def _send_and_ping(self) -> None:
        loop = asyncio.get_running_loop()
        next_ping = loop.time() + PING_S
        while True:
            await self.send_new()
            try:
                async with asyncio.timeout_at(next_ping):
                    await self._changed.wait()
            except TimeoutError:
                await self._identify()
                await self.check()
                await self.send_message(PingMessage())
                next_ping = loop.time() + PING_S
            self._changed.clear()

    async def send_message(self, message: Message) -> None:
        await self.send(text_data=message.model_dump_json())

    async def _identify(self) -> None:
        """The user as they are now: signed in, active, token not revoked."""
        user = await database_sync_to_async(_present_user)(self.scope)
        if user is None:
            raise Refusal(NOT_SIGNED_IN)
        self.user = user

    async def join(self, groups: set[str]) -> None:
        for group in groups - self._groups:
            await self.channel_layer.group_add(group, self.channel_name)
        for group in self._groups - groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        self._groups = groups


class RunConsumer(LiveConsumer):
    """`/ws/runs/{id}?after_seq=N`: hello, then every event after N, once and in order."""

    async def begin(self) -> None:
        self.run_id: int = self.scope["url_route"]["kwargs"]["run_id"]
        after = _after_seq(self.scope["query_string"])
        self._buffer: deque[EventsMessage] = deque(maxlen=BUFFERED_MESSAGES)
        self._newest = 0
        await self._read_newest()  # before joining: a stranger is told nothing
        await self.join({run_group(self.run_id)})
        await self._read_newest()
        self._sent = self._newest if after is None else min(after, self._newest)
        await self.send_message(HelloMessage(run=self.run_id, last_seq=self._newest))

    async def run_events(self, message: dict[str, Any]) -> None:
        """From the publisher. When the buffer is full the oldest goes: it is in the database."""
        heard = EventsMessage.model_validate(message["message"])
        if not hasattr(self, "_newest"):
            return
        self._newest = max(self._newest, heard.last_seq)
        self._buffer.append(heard)
        self._changed.set()

    async def check(self) -> None:
        await self._read_newest()

    async def send_new(self) -> None:
        while self._sent < self._newest:
            message = self._from_buffer() or await self._from_database()
            if message is None:
                return
            await self.send_message(message)
            self._sent = message.last_seq

    async def _read_newest(self) -> None:
        try:
            newest = await database_sync_to_async(selectors.last_seq)(self.user, self.run_id)
        except NotFoundError as error:
            raise Refusal(NOT_FOUND) from error
        self._newest = max(self._newest, newest)

    def _from_buffer(self) -> EventsMessage | None:
        """The buffered message that goes on exactly where the browser is, if there is one."""
        while self._buffer and self._buffer[0].last_seq <= self._sent:
            self._buffer.popleft()
        if not self._buffer or self._buffer[0].first_seq > self._sent + 1:
            return None
        heard = self._buffer.popleft()
        events = heard.events
        if events is not None:
            events = [event for event in events if event.seq > self._sent]
        return heard.model_copy(update={"first_seq": self._sent + 1, "events": events})

    async def _from_database(self) -> EventsMessage | None:
        behind = self._newest - self._sent
        if behind > CATCH_UP_EVENTS:
            return self._message(self._newest, None)
        events = await database_sync_to_async(selectors.events_after)(self.run_id, self._sent, PAGE)
        if not events:
            # Heard of, but not there: the run was deleted, or its data restored from a backup.
            self._newest = self._sent
            return None
        fitting = within_limit(events, BODY_LIMIT)
        if not fitting:
            return self._message(events[0].seq, None)
        return self._message(fitting[-1].seq, fitting)

    def _message(self, last_seq: int, events: list[Any] | None) -> EventsMessage:
        first = self._sent + 1
        return EventsMessage(run=self.run_id, first_seq=first, last_seq=last_seq, events=events)


class RunsConsumer(LiveConsumer):
    """`/ws/runs`: rows of the list that changed, at most twice a second."""

    async def begin(self) -> None:
        self._ids: set[int] = set()
        self._active: set[int] = set()
        await self.check()

    async def runs_changed(self, message: dict[str, Any]) -> None:
        if not hasattr(self, "_ids"):
            return
        self._ids.update(message["run_ids"])
        self._changed.set()

    async def check(self) -> None:
        """Follow memberships, and send what is under way once more: a message may be lost."""
        projects, active = await database_sync_to_async(selectors.watched)(self.user)
        await self.join({project_group(project) for project in projects})
        self._ids |= active | self._active
        self._active = active

    async def send_new(self) -> None:
        if not self._ids:
            return
        ids, self._ids = self._ids, set()
        rows = await database_sync_to_async(selectors.rows)(self.user, ids)
        if rows:
            await self.send_message(RunsMessage(runs=rows))
        await asyncio.sleep(LIST_INTERVAL_S)


class UnknownPath(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Refuses the handshake."""

    async def connect(self) -> None:
        await self.close()


def _after_seq(query_string: bytes) -> int | None:
    given = parse_qs(query_string.decode("latin-1")).get("after_seq")
    if given is None:
        return None
    if not given[-1].isascii() or not given[-1].isdecimal() or len(given[-1]) > 18:
        raise Refusal(BAD_QUERY)
    return int(given[-1])


def _present_user(scope: Any) -> User | None:
    if "token" in scope:
        try:
            return authenticate_token(secret=scope["token"])
        except UnauthenticatedError:
            return None
    user = scope.get("user")
    session = scope["session"]
    if not isinstance(user, User) or not session.exists(session.session_key):
        return None
    return User.objects.filter(pk=user.pk, is_active=True).first()
