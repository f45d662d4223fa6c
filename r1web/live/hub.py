"""What the sockets of a process share: one channel of the layer, and looks into the database.

A message is received and decoded once, however many sockets want it. Every `PING_S` seconds a few
queries tell all sockets together who may stay and what has been missed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from r1web.accounts.services import Credentials, present_users
from r1web.live import selectors
from r1web.live.lists import Lists
from r1web.live.messages import EventsMessage
from r1web.live.reading import in_db
from r1web.live.selectors import Seen

PING_S = 15.0
CANCEL_AGAIN_S = 0.5


class Listener(Protocol):
    """What the hub knows of a socket."""

    credentials: Credentials
    user_id: int

    @property
    def run_id(self) -> int | None:
        """None: it watches the list."""

    def groups(self) -> set[str]:
        """Those whose messages it wants."""

    def hear(self, message: Any) -> None:
        """Keep what has come, to be sent; it must not take time."""

    def see(self, seen: Seen) -> None:
        """What a look into the database has found; a ping follows."""

    def fail(self, error: BaseException) -> None:
        """Close: the hub cannot serve it any more."""


class Hub:
    """Lives as long as it has sockets. One that failed has none: they come back to a new one."""

    def __init__(self, layer: Any, channel: str) -> None:
        self._layer = layer
        self._channel = channel
        self._sockets: dict[int | None, set[Listener]] = {}
        self._joined: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.lists = Lists(lambda: self._sockets.get(None, set()))

    def add(self, socket: Listener) -> None:
        if not self._tasks:
            self._tasks = [self._begin(self._listen()), self._begin(self._look())]
            self._tasks.append(self._begin(self.lists.run()))
        self._sockets.setdefault(socket.run_id, set()).add(socket)

    async def join(self, groups: set[str]) -> None:
        """From its return on what is sent to these groups is heard."""
        for group in groups - self._joined:
            await self._add_to(group)

    async def remove(self, socket: Listener) -> None:
        watchers = self._sockets[socket.run_id]
        watchers.remove(socket)
        if not watchers:
            del self._sockets[socket.run_id]
        if not self._sockets:
            self._retire()
            # Shielded: whoever ends the socket cancels again when that takes long.
            await asyncio.shield(asyncio.create_task(self._close()))

    async def _close(self) -> None:
        for task in self._tasks:
            await end(task)
        with contextlib.suppress(RedisError, OSError):  # Redis forgets the members by itself
            await self._leave(set(self._joined))

    def _begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A task ends only with its last socket, or by an error: then all sockets close."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._retire()
            for socket in self._all():
                socket.fail(error)

    def _retire(self) -> None:
        """Whoever comes now gets a hub of its own."""
        loop = asyncio.get_running_loop()
        if _hubs.get(loop) is self:
            del _hubs[loop]

    def _all(self) -> list[Listener]:
        return [socket for watchers in self._sockets.values() for socket in watchers]

    async def _listen(self) -> None:
        while True:
            heard = await self._layer.receive(self._channel)
            if heard["type"] == "runs.changed":
                self.lists.changed(heard["run_ids"])
            else:
                message = EventsMessage.model_validate(heard["message"])
                for socket in self._sockets.get(message.run, ()):
                    socket.hear(message)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += PING_S
            await asyncio.sleep(due - loop.time())
            sockets = self._all()
            seen = await look_for(sockets)
            for socket in sockets:
                socket.see(seen)
            self.lists.refresh()
            await self._keep_groups()

    async def _keep_groups(self) -> None:
        """Leave what nobody wants any more; join the rest anew: Redis may have forgotten it."""
        await self._leave(self._joined - self._wanted())
        for group in self._wanted():
            await self._add_to(group)

    async def _add_to(self, group: str) -> None:
        await self._layer.group_add(group, self._channel)
        self._joined.add(group)

    async def _leave(self, groups: set[str]) -> None:
        for group in groups:
            self._joined.remove(group)
            await self._layer.group_discard(group, self._channel)

    def _wanted(self) -> set[str]:
        return {group for socket in self._all() for group in socket.groups()}


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()
"""One for each event loop, of which a web process has one."""


@asynccontextmanager
async def hub_for(socket: Listener) -> AsyncIterator[Hub]:
    """The hub of this process; within, the socket is one of its own."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    hub = _hubs.setdefault(asyncio.get_running_loop(), Hub(layer, channel))
    hub.add(socket)
    try:
        yield hub
    finally:
        await hub.remove(socket)


async def look_for(sockets: Collection[Listener]) -> Seen:
    """Whether their users may stay, and how far their runs have come."""
    credentials = {socket.credentials for socket in sockets}
    run_ids = {socket.run_id for socket in sockets if socket.run_id is not None}
    users = await in_db(present_users, credentials)
    return await in_db(selectors.look, users, run_ids)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel until it has ended; its error, if any, is not of interest any more.

    redis-py may swallow a cancellation.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)
    if not task.cancelled():
        task.exception()
