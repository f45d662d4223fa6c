"""Whether somebody does the work: workers, beat, queues; and whether their clocks agree."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import Redis

from r1web.cluster.models import Node
from r1web.cluster.selectors import node_state, reachable_nodes
from r1web.live.backlog import PATIENCE_S
from r1web.operations.doctor.finding import Finding, fail, ok, warn
from r1web.operations.models import Canary
from r1web.operations.selectors import LATE_AFTER, last_release, late_canaries, lateness

SKEW = timedelta(seconds=2)
SYNCHRONISE = "synchronise the machines' clocks (NTP): leases and heartbeats go by them"


def workers() -> Iterator[Finding]:
    states = {node.name: node_state(node) for node in Node.objects.all()}
    silent = [name for name, state in states.items() if state == "unreachable"]
    heard = len(states) - len(silent)
    if not heard:
        yield fail("workers", "none was heard in the last 20 s", "start a Celery worker")
    elif silent:
        advice = "start the worker there, or delete the node in the admin panel"
        yield warn("workers", f"{heard} heard; silent: {', '.join(silent)}", advice)
    else:
        yield ok("workers", f"{heard} heard in the last 20 s")


def beat() -> Iterator[Finding]:
    last = last_release(Canary.objects.all())
    advice = "start beat (and a worker that reads the queue control)"
    if last is None:
        yield fail("beat", "was never heard", advice)
    elif timezone.now() - last > LATE_AFTER:
        yield fail("beat", f"was last heard {_ago(last)} ago", advice)
    else:
        yield ok("beat", f"heard {_ago(last)} ago")


def queues() -> Iterator[Finding]:
    late = late_canaries()
    for canary in late:
        yield warn(
            "queues",
            f"{canary.queue}: a task has waited for {lateness(canary).total_seconds():.0f} s",
            "restart the worker that reads it: it lives, but takes no tasks",
        )
    if not late:
        yield ok("queues", f"{Canary.objects.count()} looked at, tasks come through")


def clock() -> Iterator[Finding]:
    off = [said for said, by in _skews() if abs(by) > SKEW]
    if off:
        yield fail("clock", "; ".join(off), SYNCHRONISE)
    else:
        yield ok("clock", "agrees with Redis, the database and the nodes within 2 s")


def _skews() -> Iterator[tuple[str, timedelta]]:
    """How far this machine's clock is ahead of each other one that can be read."""
    with Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
    ) as redis:
        seconds, microseconds = redis.time()
    theirs = datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)
    yield _compared("Redis", timezone.now() - theirs)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            yield _compared("the database", timezone.now() - cursor.fetchone()[0])
    for node in reachable_nodes():  # one that is behind looks silent, see workers
        yield _compared(node.name, min(timedelta(0), timezone.now() - node.heartbeat_at))
    for canary in Canary.objects.filter(delay_s__lt=0):
        early = timedelta(seconds=-(canary.delay_s or 0))
        yield (
            f"{canary.queue} hears tasks {early.total_seconds():.1f} s before they are sent",
            early,
        )


def _compared(whose: str, ahead: timedelta) -> tuple[str, timedelta]:
    return f"{whose} is {-ahead.total_seconds():+.1f} s off this machine", ahead


def _ago(moment: datetime) -> str:
    return f"{(timezone.now() - moment).total_seconds():.0f} s"
