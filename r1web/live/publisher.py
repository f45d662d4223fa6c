"""Sends what was published to the Channels layer, from one thread with one event loop.

A caller never waits for Redis. What is published to a group within `interval` seconds becomes one
message; what cannot be sent is kept, without its bodies, and sent when Redis is heard again.
"""

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

RETRY_S = 1.0
FLUSH_AT_EXIT_S = 2.0


Sender = Callable[[str, dict[str, Any]], Awaitable[None]]


class Pending(Protocol):
    """What waits to be sent to one group."""

    interval: float

    def merge(self, later: Self) -> Self: ...
    def without_bodies(self) -> Self: ...
    def layer_message(self) -> dict[str, Any]: ...


async def send_to_group(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(group, message)


class Publisher:
    def __init__(
        self, *, send: Sender = send_to_group, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send_to_group = send
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Start anew, as a forked child must: locks and threads do not survive a fork."""
        self._changed = threading.Condition()
        self._pending: dict[str, Pending] = {}
        self._due: dict[str, float] = {}
        self._sending = False
        self._away = False
        self._thread: threading.Thread | None = None

    def put(self, group: str, message: Pending) -> None:
        with self._changed:
            self._merge(group, message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until everything published so far was sent. False when it was not in time."""
        with self._changed:
            self._due.clear()
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: not self._pending and not self._sending, timeout=timeout
            )

    def _merge(self, group: str, message: Pending) -> None:
        earlier = self._pending.get(group)
        self._pending[group] = earlier.merge(message) if earlier else message

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                for group, message in self._take():
                    sent = runner.run(self._send(group, message))
                    with self._changed:
                        self._settle(group, message, sent=sent)

    def _take(self) -> list[tuple[str, Pending]]:
        """Wait for messages that are due, and take them."""
        with self._changed:
            self._sending = False
            self._changed.notify_all()
            while not (ready := self._ready()):
                self._changed.wait(timeout=self._until_due())
            self._sending = True
            return [(group, self._pending.pop(group)) for group in ready]

    def _ready(self) -> list[str]:
        now = self._clock()
        return [group for group in self._pending if self._due.get(group, 0.0) <= now]

    def _until_due(self) -> float | None:
        waits = [self._due.get(group, 0.0) - self._clock() for group in self._pending]
        return max(0.0, min(waits)) if waits else None

    def _settle(self, group: str, message: Pending, *, sent: bool) -> None:
        now = self._clock()
        if sent:
            # Forget groups that have been quiet, so that the table stays small.
            self._due = {name: due for name, due in self._due.items() if due > now}
            self._due[group] = now + message.interval
            return
        later = self._pending.pop(group, None)
        kept = message.without_bodies()
        self._pending[group] = kept.merge(later) if later else kept
        self._due[group] = now + RETRY_S

    async def _send(self, group: str, message: Pending) -> bool:
        try:
            await self._send_to_group(group, message.layer_message())
        except (RedisError, OSError) as error:
            if not self._away:
                logger.warning("Redis is away, live updates wait: %s", error)
            self._away = True
            return False
        if self._away:
            logger.info("Redis is back, live updates go on")
        self._away = False
        return True


publisher = Publisher()
os.register_at_fork(after_in_child=publisher.reset)
atexit.register(publisher.flush, FLUSH_AT_EXIT_S)
