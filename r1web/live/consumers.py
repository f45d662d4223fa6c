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
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from r1web.accounts.models import User
from r1web.accounts.services import authenticate_token
from r1web.errors import NotFoundError, UnauthenticatedError
from r1web.live import selectors
from r1web.live.auth import Receive, Scope, Send
from r1web.live.messages import (
    EventsMessage,
    HelloMessage,
    Message,
    PingMessage,
    RunsMessage,
)
from r1web.live.services import BODY_LIMIT, project_group, run_group, within_limit
from r1web.runs.schemas import EventOut

logger = logging.getLogger(__name__)

T = TypeVar("T")

PING_S = 15.0
LIST_INTERVAL_S = 0.5
BUFFERED_MESSAGES = 100
CATCH_UP_EVENTS = 2000
"""A browser that is further behind takes a new snapshot."""
PAGE = 200
CANCEL_AGAIN_S = 0.5

BAD_QUERY = 4400
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
FAILED = 1011
TRY_AGAIN = 1013


class Refusal(Exception):  # noqa: N818 - a refusal is what the socket answers, not a failure
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket(ABC):
    """Lets a user in, keeps checking that they may stay, and sends from one task.

    Not one of Channels' generic consumers: at the end those wait for a task that waits for Redis,
    and redis-py may swallow the one cancellation that they send it.
    """

    user: User

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self._groups: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self, receive: Receive) -> None:
        """From handshake to close. It accepts first: only an open socket can be told why not."""
        await self._send({"type": "websocket.accept"})
        gone = asyncio.create_task(_disconnected(receive))
        served = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({gone, served}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                await self._send({"type": "websocket.close", "code": served.result()})
        finally:
            await _end(served)
            await _end(gone)

    @abstractmethod
    async def begin(self) -> None:
        """Find out what to send; raise Refusal to close."""

    @abstractmethod
    def heard(self, message: dict[str, Any]) -> None:
        """A message of one of the groups has come."""

    @abstractmethod
    async def send_new(self) -> None:
        """Send what is new since the last call."""

    @abstractmethod
    async def check(self) -> None:
        """With every ping: may the user still see it, and was anything missed?"""

    async def _serve(self) -> int:
        """Until something ends it; the code to close with."""
        try:
            await self._identify()
            self._layer = get_channel_layer()
            self._channel = await self._layer.new_channel()
            await self.begin()
            await self._listen_and_send()
        except Refusal as refusal:
            return refusal.code
        except (RedisError, OSError, OperationalError, InterfaceError) as error:
            logger.warning("A live socket closes, it cannot be served now: %s", error)
            return TRY_AGAIN
        except Exception:  # the last line of defence: logged, and the socket closes with its code
            logger.exception("A live socket failed")
            return FAILED
        finally:
            with contextlib.suppress(RedisError, OSError):  # Redis forgets the members by itself
                await self.join(set())
        return FAILED

    async def _listen_and_send(self) -> None:
        listening = asyncio.create_task(self._listen())
        listening.add_done_callback(lambda _: self._changed.set())
        try:
            await self._send_and_ping(listening)
        finally:
            await _end(listening)

    async def _listen(self) -> None:
        while True:
            self.heard(await self._layer.receive(self._channel))
            self._changed.set()

    async def _send_and_ping(self, listening: "asyncio.Task[None]") -> None:
        loop = asyncio.get_running_loop()
        next_ping = loop.time() + PING_S
        while not listening.done():
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
        listening.result()

    async def send_message(self, message: Message) -> None:
        await self._send({"type": "websocket.send", "text": message.model_dump_json()})

    async def _identify(self) -> None:
        """The user as they are now: signed in, active, token not revoked."""
        user = await in_db(_present_user, self.scope)
        if user is None:
            raise Refusal(NOT_SIGNED_IN)
        self.user = user

    async def join(self, groups: set[str]) -> None:
        for group in groups - self._groups:
            await self._layer.group_add(group, self._channel)
            self._groups.add(group)
        for group in self._groups - groups:
            await self._layer.group_discard(group, self._channel)
        self._groups = set(groups)


async def in_db(read: Callable[..., T], *args: Any) -> T:
    """Read in a thread, with its database connection closed when it is old."""
    found: T = await database_sync_to_async(read)(*args)
    return found


async def _disconnected(receive: Receive) -> None:
    """Until the browser goes. What it says meanwhile is not needed."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _end(task: "asyncio.Task[Any]") -> None:
    """Cancel until it has ended; its error, if any, is not of interest any more."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)
    if not task.cancelled():
        task.exception()


class RunSocket(Socket):
    """`/ws/runs/{id}?after_seq=N`: hello, then every event after N, once and in order."""

    async def begin(self) -> None:
        self.run_id = int(self.scope["url_route"]["kwargs"]["run_id"])
        after = _after_seq(self.scope["query_string"])
        self._buffer: deque[EventsMessage] = deque(maxlen=BUFFERED_MESSAGES)
        self._newest = 0
        await self._read_newest()  # before joining: a stranger is told nothing
        await self.join({run_group(self.run_id)})
        await self._read_newest()
        self._sent = self._newest if after is None else min(after, self._newest)
        await self.send_message(HelloMessage(run=self.run_id, last_seq=self._newest))

    def heard(self, message: dict[str, Any]) -> None:
        """When the buffer is full the oldest goes: it is in the database."""
        events = EventsMessage.model_validate(message["message"])
        self._newest = max(self._newest, events.last_seq)
        self._buffer.append(events)

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
            newest = await in_db(selectors.last_seq, self.user, self.run_id)
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

    def _message(self, last_seq: int, events: list[EventOut] | None) -> EventsMessage:
        first = self._sent + 1
        return EventsMessage(run=self.run_id, first_seq=first, last_seq=last_seq, events=events)


class RunsSocket(Socket):
    """`/ws/runs`: rows of the list that changed, at most twice a second."""

    async def begin(self) -> None:
        self._ids: set[int] = set()
        self._active: set[int] = set()
        await self.check()

    def heard(self, message: dict[str, Any]) -> None:
        self._ids.update(message["run_ids"])

    async def check(self) -> None:
        """Follow memberships, and send what is under way once more: a message may be lost."""
        projects, active = await in_db(selectors.watched, self.user)
        await self.join({project_group(project) for project in projects})
        self._ids |= active | self._active
        self._active = active

    async def send_new(self) -> None:
        if not self._ids:
            return
        ids, self._ids = self._ids, set()
        rows = await in_db(selectors.rows, self.user, ids)
        if rows:
            await self.send_message(RunsMessage(runs=rows))
        await asyncio.sleep(LIST_INTERVAL_S)


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
