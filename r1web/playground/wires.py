"""Names in Redis, and how long what they name is kept.

Nothing here outlives Redis, and nothing has to: a request that loses it fails and is asked again.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from redis import Redis
from redis import asyncio as aioredis

PATIENCE_S = 2.0
BLOCK_S = 2.0
"""How long one call waits for news."""
KEPT_S = 600
"""A request waits so long, and an answer is kept so long after its last news."""
OWNED_S = 15
"""A session that has not said for so long that it is there is not."""
LONGEST_STREAM = 50_000
"""Events of one answer: more than the tokens that it may have."""


@dataclass(frozen=True)
class Wires:
    """Keys of the session of one model on one node."""

    queue: str
    model: str

    @property
    def owner(self) -> str:
        """Who serves the model; without it nobody does."""
        return _key("owner", self.queue, self.model)

    @property
    def asked(self) -> str:
        """Its node was asked to serve it a moment ago."""
        return _key("asked", self.queue, self.model)

    @property
    def requests(self) -> str:
        """A list: what it has not taken yet."""
        return _key("requests", self.queue, self.model)


def answer(request_id: str) -> str:
    """A stream: the events of one answer."""
    return _key("answer", request_id)


def asker(request_id: str) -> str:
    """A hash: who asked, and which session."""
    return _key("asker", request_id)


def under_way(user_id: int) -> str:
    """A sorted set: the user's requests that are being answered, by when they were asked."""
    return _key("under-way", str(user_id))


def connect() -> Redis:
    return Redis.from_url(settings.REDIS_URL, **_timeouts())


def connect_async() -> "aioredis.Redis":
    connection: aioredis.Redis = aioredis.Redis.from_url(settings.REDIS_URL, **_timeouts())
    return connection


def _timeouts() -> dict[str, Any]:
    return {
        "socket_connect_timeout": PATIENCE_S,
        "socket_timeout": PATIENCE_S + BLOCK_S,
        "decode_responses": True,
    }


def _key(*words: str) -> str:
    return ":".join((settings.REDIS_PREFIX, "playground", *words))
