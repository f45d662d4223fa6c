"""Where r1web keeps and passes on what it knows: database, Redis, channel layer, cache."""

import asyncio
import secrets
import time
from collections.abc import Iterator

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache as django_cache
from django.db import connection
from redis import Redis

from r1web.live.backlog import PATIENCE_S, read_backlog
from r1web.local.database import pending_migrations
from r1web.local.errors import CannotStartError
from r1web.operations.doctor.finding import Finding, fail, ok, warn

CROWDED = 0.8
"""Share of the database's connections that may be in use."""
RECENT_S = 3600.0


def database() -> Iterator[Finding]:
    try:
        pending = pending_migrations()
    except CannotStartError as error:
        cause, _, advice = str(error).partition(": ")
        yield fail("database", cause, advice)
        return
    if pending:
        yield fail("database", f"{pending} migrations are missing", "run `manage.py migrate`")
    else:
        yield ok("database", f"{connection.display_name} answers, all migrations are applied")


def connections() -> Iterator[Finding]:
    if connection.vendor != "postgresql":
        yield ok("connections", f"{connection.display_name} has no limit of them")
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
            " current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
        )
        used, most = cursor.fetchone()
    said = f"{used} of {most} are in use"
    if used < CROWDED * most:
        yield ok("connections", said)
    else:
        yield warn("connections", said, "raise max_connections of PostgreSQL, or run fewer workers")


def broker() -> Iterator[Finding]:
    with Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
    ) as redis:
        known = redis.info()
    said = f"Redis {known['redis_version']} answers"
    policy = known.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        yield ok("broker", said)
    else:
        yield warn(
            "broker",
            f"{said}, but may throw tasks away (maxmemory-policy {policy})",
            "set maxmemory-policy noeviction in its configuration",
        )


def channel_layer() -> Iterator[Finding]:
    async_to_sync(_round_trip)()
    backlog = read_backlog()
    said = f"a message came through; the fullest channel holds {backlog.longest} of"
    said = f"{said} {backlog.capacity}"
    advice = "browsers fetch what they missed; look for one process that serves too many sockets"
    if backlog.longest >= backlog.capacity:
        yield warn("channel layer", f"{said}: what comes now is dropped", advice)
    elif backlog.dropped_at and time.time() - backlog.dropped_at < RECENT_S:
        yield warn("channel layer", f"{said}; messages were dropped within the hour", advice)
    else:
        yield ok("channel layer", said)


async def _round_trip() -> None:
    layer = get_channel_layer()
    if layer is None:
        raise LookupError("CHANNEL_LAYERS has no default")
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "doctor"})
    async with asyncio.timeout(5):
        await layer.receive(channel)


def cache() -> Iterator[Finding]:
    key, value = f"doctor-{secrets.token_hex(4)}", secrets.token_hex(4)
    django_cache.set(key, value, timeout=10)
    kind = type(django_cache).__name__
    if django_cache.get(key) == value:
        yield ok("cache", "keeps what it is given")
    else:
        yield fail("cache", f"{kind} forgets what it is given", "correct CACHES in the settings")
    django_cache.delete(key)
