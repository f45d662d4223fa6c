"""Looks the installation over: `examine()` asks every check and never raises for a part that is
away, so that one that fails does not hide the others."""

from collections.abc import Callable, Iterable

from django.db import DatabaseError, connection
from redis.exceptions import RedisError

from r1web.operations.doctor import cluster, machine, sites, stores
from r1web.operations.doctor.finding import Finding, fail

Check = Callable[[], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "database": stores.database,
    "connections": stores.connections,
    "broker": stores.broker,
    "channel layer": stores.channel_layer,
    "cache": stores.cache,
    "data folder": machine.data_folder,
    "gpus": machine.gpus,
    "python": machine.python,
    "packages": machine.packages,
    "workers": cluster.workers,
    "beat": cluster.beat,
    "queues": cluster.queues,
    "clock": cluster.clock,
    "submission": sites.submission,
}

START = "start it, or correct {}; with `make run` r1web starts its own"


def examine() -> list[Finding]:
    """Every check's findings, in order."""
    return [finding for name, check in CHECKS.items() for finding in _ask(name, check)]


def _ask(name: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except DatabaseError as error:
        connection.close()
        return [fail(name, f"the database refuses: {_first(error)}", START.format("DATABASE_URL"))]
    except RedisError as error:
        return [fail(name, f"Redis does not answer: {_first(error)}", START.format("REDIS_URL"))]


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
