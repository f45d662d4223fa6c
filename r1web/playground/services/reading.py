"""What a session answers, as it comes."""

import json
import time
from collections.abc import AsyncGenerator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from r1web.playground import wires
from r1web.playground.wires import Wires

START_S = 45.0
"""A node that has not begun to serve by then never will."""
ENDS = frozenset({"done", "refused", "cancelled", "problems"})
FAILED = "failed"
"""Told in place of an end when the session ends before the answer."""
AT_ONCE = 500

Event = dict[str, Any]


class FailedError(RuntimeError):
    """The answer cannot come any more; the message says why, in one sentence."""


async def events(request_id: str) -> AsyncGenerator[Event, None]:
    """Those of one request, the last of which is one of `ENDS`. Raises FailedError."""
    began, seen, gone, server = time.monotonic(), False, False, None
    try:
        async with wires.connect_async() as connection:
            place: Any = await connection.hgetall(wires.asker(request_id))
            if not place:
                raise FailedError("Redis has forgotten the question: ask again.")
            session, news = Wires(place["queue"], place["model"]), News(connection, request_id)
            while True:
                found = await news.next()
                for event in found:
                    if event["type"] == FAILED:
                        raise FailedError(event["message"])
                    yield event
                    if event["type"] in ENDS:
                        return
                owner = await connection.get(session.owner)
                if found and not seen:
                    seen, server = True, owner
                if gone and not found:  # it told why before it went, so that would be found
                    _check_patience(began, seen)
                gone = owner is None or owner != server
    except RedisError as error:
        raise FailedError("Redis does not answer, so the answer is lost: ask again.") from error


class News:
    """The stream of one answer, read on from where it was."""

    def __init__(self, connection: "Redis", request_id: str) -> None:
        self._connection, self._key = connection, wires.answer(request_id)
        self._last = "0"

    async def next(self) -> list[Event]:
        """What has come; waits a moment for it."""
        block_ms = int(wires.BLOCK_S * 1000)
        found: Any = await self._connection.xread({self._key: self._last}, AT_ONCE, block_ms)
        entries = found[0][1] if found else []
        self._last = entries[-1][0] if entries else self._last
        return [json.loads(fields["event"]) for _, fields in entries]


def _check_patience(began: float, seen: bool) -> None:
    """Who took the request, if anybody has, is gone. Raises FailedError when nobody will answer."""
    if seen:
        raise FailedError("The process that answered has ended: ask again.")
    if time.monotonic() - began > START_S:
        raise FailedError(
            "The node did not start to load the model: look whether its worker is running."
        )
