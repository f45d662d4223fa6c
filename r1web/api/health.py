"""Is this process alive, and can the installation start and follow a run?"""

import logging
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest
from ninja import Router, Schema, Status
from redis import Redis
from redis.exceptions import RedisError

from r1web.cluster.selectors import reachable_nodes
from r1web.local.database import pending_migrations
from r1web.local.errors import CannotStartError

router = Router(tags=["health"])
logger = logging.getLogger(__name__)
PATIENCE_S = 1.0


class Live(Schema):
    status: str


class Check(Schema):
    name: str
    ok: bool
    detail: str


class Ready(Schema):
    """`status` is "ready", or "not_ready" when one of the checks says what is missing."""

    status: str
    checks: list[Check]


@router.get("/health/live", auth=None, response=Live, summary="Is this process alive?")
def live(request: HttpRequest) -> Live:  # noqa: ARG001
    return Live(status="ok")


@router.get(
    "/health/ready", auth=None, response={200: Ready, 503: Ready}, summary="Can runs be run?"
)
def ready(request: HttpRequest) -> Status[Ready]:  # noqa: ARG001
    """Database with all migrations, broker, and a node heard in the last 20 seconds."""
    checks = [_database(), _broker(), _nodes()]
    if all(check.ok for check in checks):
        return Status(200, Ready(status="ready", checks=checks))
    return Status(503, Ready(status="not_ready", checks=checks))


def _database() -> Check:
    def ask() -> str:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _expect_migrated()
        return "answers"

    return _check("database", ask)


@cache
def _expect_migrated() -> None:
    """Raise LookupError while migrations are missing; once they are there, they stay."""
    missing = pending_migrations()
    if missing:
        raise LookupError(f"{missing} migrations are missing: run manage.py migrate")


def _broker() -> Check:
    def ask() -> str:
        with Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
        ) as redis:
            redis.ping()
        return "answers"

    return _check("broker", ask)


def _nodes() -> Check:
    def ask() -> str:
        count = reachable_nodes().count()
        if not count:
            raise LookupError("no worker was heard in the last 20 seconds")
        return f"{count} connected"

    return _check("nodes", ask)


def _check(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=ask())
    except LookupError as error:
        return Check(name=name, ok=False, detail=str(error))
    except (CannotStartError, DatabaseError, RedisError, OSError) as error:
        logger.warning("The %s does not answer: %s", name, error)
        return Check(name=name, ok=False, detail="does not answer")
