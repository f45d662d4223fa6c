"""Celery's connection to Redis, closed without a fault when Redis died while a task ran.

kombu puts back what was not acknowledged when it closes a channel, which needs a new connection to
Redis. It asks its transport where that is; but the transport may have been let go of by then, and
that it cannot tell ends a worker as “Unrecoverable error”. Here it is what it is, a lost
connection, and the worker goes on to make the next one. (Nothing is lost: what is not acknowledged
was begun, and each task may begin twice.)
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection.client is None:
            raise ConnectionLost("The connection to Redis has been closed.")
        found: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return found


class Transport(redis.Transport):
    Channel = Channel
