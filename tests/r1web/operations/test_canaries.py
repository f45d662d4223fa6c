"""Small tasks that show whether each queue is read, through a real worker and a real Redis."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from r1web.cluster.models import Node
from r1web.live import backlog as backlog_module
from r1web.live.backlog import DropCounter, read_backlog
from r1web.operations.models import Canary
from r1web.operations.selectors import LATE_AFTER, last_release, late_canaries, lateness
from r1web.operations.services import canary_heard, release_canaries
from tests.r1web.waiting import until

NOW = timezone.now()


@pytest.fixture
def make_node(db: None) -> Callable[..., Node]:
    def make(name: str, silent_s: float = 0) -> Node:
        heard = timezone.now() - timedelta(seconds=silent_s)
        return Node.objects.create(name=name, queue=f"node.{name}", heartbeat_at=heard)

    return make


def test_each_queue_that_somebody_should_read_gets_a_canary(
    make_node: Callable[..., Node],
) -> None:
    make_node("here")
    make_node("gone", silent_s=60)
    assert release_canaries(now=NOW) == ["control", "node.here"]
    assert last_release(Canary.objects.all()) == NOW


def test_a_canary_is_late_until_it_or_a_later_one_is_heard(db: None) -> None:
    before = timezone.now() - LATE_AFTER - timedelta(seconds=5)
    release_canaries(now=before)
    release_canaries(now=timezone.now())
    (late,) = late_canaries()
    assert (late.queue, late.waiting_since) == ("control", before)
    assert LATE_AFTER < lateness(late) < LATE_AFTER + timedelta(minutes=1)
    canary_heard(queue="control", released_at=late.released_at)
    assert late_canaries() == []


def test_an_old_canary_does_not_stand_for_one_released_after_it(db: None) -> None:
    release_canaries(now=NOW)
    canary_heard(queue="control", released_at=NOW - timedelta(seconds=90))
    assert Canary.objects.get().waiting_since == NOW


def test_the_queue_of_a_node_that_fell_silent_is_not_watched(
    make_node: Callable[..., Node],
) -> None:
    node = make_node("here")
    release_canaries(now=NOW)
    Node.objects.filter(pk=node.pk).update(heartbeat_at=NOW - timedelta(minutes=5))
    assert release_canaries(now=NOW) == ["control"]
    assert [canary.queue for canary in Canary.objects.all()] == ["control"]


async def test_what_the_channel_layer_drops_is_counted(settings: Settings, redis_url: str) -> None:
    from channels_redis.core import RedisChannelLayer, logger  # noqa: PLC0415 - needs settings

    settings.REDIS_URL, settings.REDIS_PREFIX = redis_url, "drops"
    layer = RedisChannelLayer(hosts=[redis_url], prefix="drops:live", capacity=2)
    default = settings.CHANNEL_LAYERS["default"]
    small = {**default["CONFIG"], "prefix": "drops:live", "capacity": 2}
    settings.CHANNEL_LAYERS = {"default": {**default, "CONFIG": small}}
    assert any(isinstance(handler, DropCounter) for handler in logger.handlers)
    channel = await layer.new_channel()
    await layer.group_add("watchers", channel)
    for _ in range(5):
        await layer.group_send("watchers", {"type": "news"})
    backlog = until(lambda: (seen := read_backlog()).dropped == 3 and seen)
    assert (backlog.longest, backlog.capacity, backlog.dropped) == (2, 2, 3)
    assert backlog.dropped_at is not None
    await layer.close_pools()


def test_who_sends_does_not_wait_for_redis_to_count_what_was_dropped(
    settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL, settings.REDIS_PREFIX = redis_url, "drops-test"
    away, asked, counter = threading.Event(), threading.Event(), DropCounter()
    monkeypatch.setattr(backlog_module, "RETRY_S", 0.01)
    add = backlog_module._add

    def sometimes(count: int, last_at: float) -> None:
        asked.set()
        if not away.is_set():
            raise RedisConnectionError
        add(count, last_at)

    monkeypatch.setattr(backlog_module, "_add", sometimes)
    line = "%s of %s channels over capacity in group %s"
    for _ in range(3):
        told = logging.LogRecord(
            "channels_redis.core", logging.INFO, "", 0, line, (2, 9, "g"), None
        )
        counter.emit(told)  # comes back at once: only the thread asks Redis
    assert asked.wait(10)
    away.set()
    until(lambda: read_backlog().dropped == 6)
