"""What waits in the channel layer, and what it has dropped.

The layer never says that it dropped a message but by a line of its log, in whichever process sent
it: a log handler counts these lines, and a thread of its own adds that up in Redis, where every
process can read the sum. Whoever sends waits for neither.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

PATIENCE_S = 2.0
RETRY_S = 1.0
"""Before the counting thread asks a Redis again that did not answer."""


@dataclass(frozen=True)
class Backlog:
    """Messages of the fullest channel, how many one may hold, and what was dropped."""

    longest: int
    capacity: int
    dropped: int
    dropped_at: float | None
    """Unix time of the last one dropped."""


def read_backlog() -> Backlog:
    """Raises RedisError when Redis is away."""
    config = settings.CHANNEL_LAYERS["default"]["CONFIG"]
    with _redis() as redis:
        channels = redis.scan_iter(match=f"{config['prefix']}specific.*", count=1000)
        longest = max((int(redis.zcard(channel)) for channel in channels), default=0)
        dropped, last = redis.hmget(_key(), ["count", "last_at"])
    return Backlog(longest, config["capacity"], int(dropped or 0), float(last) if last else None)


class DropCounter(logging.Handler):
    """Hears «N of M channels over capacity in group …» and adds N to the count."""

    _thread: threading.Thread | None

    def __init__(self) -> None:
        super().__init__()
        self._reset()
        os.register_at_fork(after_in_child=self._reset)  # its thread does not come along

    def emit(self, record: logging.LogRecord) -> None:
        if "over capacity" not in str(record.msg) or not isinstance(record.args, tuple):
            return
        (full, *_) = record.args
        with self._changed:  # never held while Redis is asked
            self._count += int(str(full))
            self._last_at = time.time()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="drops", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._last_at = 0.0
        self._thread = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._count:
                    self._changed.wait()
                count, last_at, self._count = self._count, self._last_at, 0
            try:
                _add(count, last_at)
            except RedisError:  # it is added when Redis is heard again
                with self._changed:
                    self._count += count
                time.sleep(RETRY_S)


def _add(count: int, last_at: float) -> None:
    with _redis() as redis:
        redis.hincrby(_key(), "count", count)
        redis.hset(_key(), "last_at", last_at)


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:dropped"


def _redis() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
    )
