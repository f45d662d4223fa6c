"""What waits in the channel layer, and what it has dropped.

The layer never says that it dropped a message but by a line of its log, in whichever process sent
it: a log handler counts these lines in Redis, where every process can read the sum.
"""

import logging
import time
from dataclasses import dataclass

from django.conf import settings
from redis import Redis

PATIENCE_S = 2.0


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

    def emit(self, record: logging.LogRecord) -> None:
        if "over capacity" not in str(record.msg) or not isinstance(record.args, tuple):
            return
        (full, *_) = record.args
        try:
            with _redis() as redis:
                redis.hincrby(_key(), "count", int(str(full)))
                redis.hset(_key(), "last_at", time.time())
        except Exception:  # noqa: BLE001 - logging's own way: a handler never raises into its caller
            self.handleError(record)


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:dropped"


def _redis() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
    )
