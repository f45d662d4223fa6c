"""The two sockets of the browser: one run, and the list of runs.

What happens comes through the hub, which all sockets of the process share. Channels may drop
messages, so a socket counts by the events' own `seq`: it sends each event once, in order, and takes
from the database what it has not heard; with every ping the hub tells it how far its run has come.
One task does all the sending; what arrives meanwhile waits in a bounded buffer, so a slow browser
gets fewer and larger messages, and costs no memory.

Close codes: 4400 bad query, 4401 not signed in (any more), 4404 no such run, 1013 try again later.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, TypeVar
from urllib.parse import parse_qs

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from r1web.live import selectors
from r1web.live.auth import Receive, Scope, Send, credentials_of
from r1web.live.hub import Hub, end, hub_for, look_for
from r1web.live.messages import (
    EventsMessage,
    HelloMessage,
    Message,
    PingMessage,
    RunsMessage,
)
from r1web.live.reading import in_db
from r1web.live.selectors import Seen
from r1web.live.services import BODY_LIMIT, project_group, run_group, within_limit
from r1web.runs.schemas import EventOut

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

BUFFERED_MESSAGES = 100
CATCH_UP_EVENTS = 2000
"""A browser that is further behind takes a new snapshot."""
PAGE = 200
PING = PingMessage()

BAD_QUERY = 4400
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
FAILED = 1011
TRY_AGAIN = 1013


class Refusal(Exception):  # noqa: N818 - a refusal is what the socket answers, not a failure
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket(ABC, Generic[M]):
    """Lets a user in, and sends from one task what the hub brings.

    Not one of Channels' generic consumers: they have a channel of the layer each.
    """

    run_id: int | None = None
    user_id = 0
    """Nobody, who sees nothing, until a look has found who it is."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.credentials = credentials_of(scope)
        self._send = send
        self._woken = asyncio.Event()
        self._failure: BaseException | None = None
        self._ping_due = False

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
            await end(served)
            await end(gone)

    @abstractmethod
    async def begin(self, hub: Hub) -> None:
        """Find out what to send, and join its groups; raise Refusal to close."""

    @abstractmethod
    def groups(self) -> set[str]:
        """Those whose messages it wants."""

    @abstractmethod
    def hear(self, message: M) -> None:
        """Keep what has come until it is sent, and wake the sender."""

    @abstractmethod
    def check(self, seen: Seen) -> None:
        """What a look into the database means for it; raise Refusal to close."""

    @abstractmethod
    async def send_new(self) -> None:
        """Send what is new since the last call."""

    def see(self, seen: Seen) -> None:
        try:
            self.check(seen)
        except Refusal as refusal:
            self.fail(refusal)
        self._ping_due = True
        self._woken.set()

    def fail(self, error: BaseException) -> None:
        self._failure = error
        self._woken.set()

    async def _serve(self) -> int:
        """Until something ends it; the code to close with."""
        try:
            async with hub_for(self) as hub:
                await self.begin(hub)
                await self._send_all()
        except Refusal as refusal:
            return refusal.code
        except (RedisError, OSError, OperationalError, InterfaceError) as error:
            logger.warning("A live socket closes, it cannot be served now: %s", error)
            return TRY_AGAIN
        except Exception:  # the last line of defence: logged, and the socket closes with its code
            logger.exception("A live socket failed")
        return FAILED

    async def _send_all(self) -> None:
        """Until the hub says that it fails."""
        while self._failure is None:
            self._woken.clear()
            await self.send_new()
            if self._ping_due:
                self._ping_due = False
                await self.send_message(PING)
            await self._woken.wait()
        raise self._failure

    async def send_message(self, message: Message) -> None:
        await self._send({"type": "websocket.send", "text": message.text})

    def identify(self, seen: Seen) -> None:
        """The user as they are now: signed in, active, token not revoked."""
        user_id = seen.users.get(self.credentials)
        if user_id is None:
            raise Refusal(NOT_SIGNED_IN)
        self.user_id = user_id


async def _disconnected(receive: Receive) -> None:
    """Until the browser goes. What it says meanwhile is not needed."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


class RunSocket(Socket[EventsMessage]):
    """`/ws/runs/{id}?after_seq=N`: hello, then every event after N, once and in order."""

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self.run_id: int = scope["url_route"]["kwargs"]["run_id"]
        self._buffer: deque[EventsMessage] = deque(maxlen=BUFFERED_MESSAGES)
        self._newest = 0
        self._looked = 0

    async def begin(self, hub: Hub) -> None:
        await hub.join(self.groups())
        self.check(await look_for([self]))
        self._newest = max(self._newest, self._looked)
        after = _after_seq(self.scope["query_string"])
        self._sent = self._newest if after is None else min(after, self._newest)
        await self.send_message(HelloMessage(run=self.run_id, last_seq=self._newest))

    def groups(self) -> set[str]:
        return {run_group(self.run_id)}

    def hear(self, message: EventsMessage) -> None:
        """When the buffer is full the oldest goes: it is in the database."""
        self._newest = max(self._newest, message.last_seq)
        self._buffer.append(message)
        self._woken.set()

    def check(self, seen: Seen) -> None:
        self.identify(seen)
        newest = seen.last_seq(self.user_id, self.run_id)
        if newest is None:
            raise Refusal(NOT_FOUND)
        # Of what there was at the look before a message must have come; what is newer may be on its
        # way, and were all sockets to read it meanwhile, a busy server would be busier still.
        self._newest = max(self._newest, self._looked)
        self._looked = newest

    async def send_new(self) -> None:
        while self._sent < self._newest:
            message = self._from_buffer() or await self._from_database()
            if message is None:
                return
            await self.send_message(message)
            self._sent = message.last_seq

    def _from_buffer(self) -> EventsMessage | None:
        """The buffered message that goes on exactly where the browser is, if there is one."""
        while self._buffer and self._buffer[0].last_seq <= self._sent:
            self._buffer.popleft()
        if not self._buffer or self._buffer[0].first_seq > self._sent + 1:
            return None
        heard = self._buffer.popleft()
        if heard.first_seq == self._sent + 1:
            return heard  # as it is: its text is the same for all
        events = heard.events
        if events is not None:
            events = [event for event in events if event.seq > self._sent]
        return self._message(heard.last_seq, events)

    async def _from_database(self) -> EventsMessage | None:
        behind = self._newest - self._sent
        if behind > CATCH_UP_EVENTS:
            return self._message(self._newest, None)
        events = await in_db(selectors.events_after, self.run_id, self._sent, PAGE)
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


class RunsSocket(Socket[RunsMessage]):
    """`/ws/runs`: rows of the list that changed, at most once a second."""

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self._projects: frozenset[int] = frozenset()
        self._waiting: RunsMessage | None = None

    async def begin(self, hub: Hub) -> None:
        self.check(await look_for([self]))
        await hub.join(self.groups())
        hub.lists.refresh()

    def groups(self) -> set[str]:
        return {project_group(project) for project in self._projects}

    def hear(self, message: RunsMessage) -> None:
        """What a slow browser has not taken yet becomes one message, with each row once."""
        self._waiting = message if self._waiting is None else self._waiting.followed_by(message)
        self._woken.set()

    def check(self, seen: Seen) -> None:
        self.identify(seen)
        self._projects = seen.projects[self.user_id]

    async def send_new(self) -> None:
        if self._waiting is not None:
            message, self._waiting = self._waiting, None
            await self.send_message(message)


def _after_seq(query_string: bytes) -> int | None:
    given = parse_qs(query_string.decode("latin-1")).get("after_seq")
    if given is None:
        return None
    if not given[-1].isascii() or not given[-1].isdecimal() or len(given[-1]) > 18:
        raise Refusal(BAD_QUERY)
    return int(given[-1])
