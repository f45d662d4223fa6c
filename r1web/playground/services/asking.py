"""Puts a request where the model's session finds it, and has one started where there is none."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from r1web.accounts.models import User
from r1web.errors import ProblemError
from r1web.playground import queue, selectors, wires
from r1web.playground.selectors import Speaker
from r1web.playground.wires import Wires

AT_ONCE = 8
"""Requests of one user that may be under way."""
FORGOTTEN_S = 300
"""A request whose end nobody has seen counts no longer."""
ASKED_AGAIN_S = 10


class TooManyError(ProblemError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many"


class AwayError(ProblemError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "redis_away"


def ask(*, user: User, speaker: Speaker, request: dict[str, Any]) -> str:
    """Have `speaker` answer, as training/serving/requests.py reads it; the request's id.

    Raises ConflictError without a node, TooManyError, and AwayError.
    """
    session = Wires(selectors.node_for(speaker).queue, speaker.name)
    request_id = secrets.token_urlsafe(16)
    with redis() as connection:
        _count(connection, user, request_id)
        with connection.pipeline() as pipe:
            pipe.hset(
                wires.asker(request_id),
                mapping={"user": user.pk, "queue": session.queue, "model": session.model},
            )
            pipe.expire(wires.asker(request_id), wires.KEPT_S)
            pipe.rpush(session.requests, json.dumps({"id": request_id, **request}))
            pipe.expire(session.requests, wires.KEPT_S)
            pipe.execute()
        # The session may be about to end: one more that is started finds it there, and leaves.
        if not connection.exists(session.owner) and connection.set(
            session.asked, "1", nx=True, ex=ASKED_AGAIN_S
        ):
            queue.serve(speaker.run.pk, speaker.step, session.queue)
    return request_id


def ask_for_problems(*, user: User, speaker: Speaker, count: int) -> str:
    """Have the session tell the first held-out problems of the run's task."""
    return ask(user=user, speaker=speaker, request={"type": "problems", "count": count})


def may_read(user_id: int, request_id: str) -> bool:
    with redis() as connection:
        return connection.hget(wires.asker(request_id), "user") == str(user_id)


def settle(request_id: str) -> None:
    """It is over, whether its end came or nobody waits for it any more."""
    with redis() as connection:
        user = connection.hget(wires.asker(request_id), "user")
        if user is not None:
            connection.zrem(wires.under_way(int(str(user))), request_id)


def cancel(request_id: str) -> None:
    """Nobody wants the rest."""
    with redis() as connection:
        place = connection.hgetall(wires.asker(request_id))
        if place:
            session = Wires(str(place["queue"]), str(place["model"]))
            line = json.dumps({"type": "cancel", "id": request_id})
            connection.rpush(session.requests, line)
    settle(request_id)


@contextmanager
def redis() -> Iterator["Redis"]:
    """Raises AwayError while Redis does not answer."""
    try:
        with wires.connect() as connection:
            yield connection
    except RedisError as error:
        raise AwayError("Redis does not answer, so no model can be reached: try again.") from error


def _count(connection: "Redis", user: User, request_id: str) -> None:
    key, now = wires.under_way(user.pk), time.time()
    with connection.pipeline() as pipe:
        pipe.zremrangebyscore(key, 0, now - FORGOTTEN_S)
        pipe.zadd(key, {request_id: now})
        pipe.expire(key, FORGOTTEN_S)
        pipe.zcard(key)
        count = pipe.execute()[-1]
    if count > AT_ONCE:
        connection.zrem(key, request_id)
        raise TooManyError(f"{AT_ONCE} of your requests are being answered: wait for one to end.")
