"""Messages are few, none is lost while the process lives, and Redis may come and go."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from r1web.live import publisher as module
from r1web.live.publisher import Publisher, publisher
from r1web.live.services import BODY_LIMIT, ChangedRuns, RunEvents, publish, run_group
from r1web.runs.models import Event, Run
from tests.r1web.live.conftest import happen, in_db, layer_at
from tests.r1web.servers import OwnRedis
from tests.r1web.waiting import until

PATIENCE_S = 30.0


def events(first: int, last: int, text: str = "m") -> RunEvents:
    rows = [
        Event(run_id=1, seq=seq, type="log", payload={"message": text}, at=timezone.now())
        for seq in range(first, last + 1)
    ]
    return RunEvents.of(1, rows)


class Wire:
    """Stands where Redis is; counts, and fails on demand."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.away = False
        self.free = threading.Event()
        self.free.set()
        self.tried = threading.Event()

    async def send(self, group: str, message: dict[str, Any]) -> None:
        self.tried.set()
        self.free.wait(PATIENCE_S)
        if self.away:
            raise RedisConnectionError("refused")
        self.sent.append((group, message))

    def ranges(self) -> list[tuple[int, int, bool]]:
        bodies = [message["message"] for _, message in self.sent]
        return [(b["first_seq"], b["last_seq"], b["events"] is not None) for b in bodies]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    return wire


def test_what_waits_becomes_one_message(wire: Wire) -> None:
    publisher = Publisher(send=wire.send)
    wire.free.clear()
    publisher.put("run.1", events(1, 1))
    assert wire.tried.wait(PATIENCE_S)
    for seq in range(2, 50):
        publisher.put("run.1", events(seq, seq))
    wire.free.set()
    assert publisher.flush(PATIENCE_S)
    assert wire.ranges() == [(1, 1, True), (2, 49, True)]


def test_a_run_gets_at_most_ten_messages_a_second(wire: Wire) -> None:
    now = 100.0
    publisher = Publisher(send=wire.send, clock=lambda: now)
    publisher.put("run.1", events(1, 1))
    until(lambda: len(wire.sent) == 1 and not publisher._sending)
    publisher.put("run.1", events(2, 2))
    with publisher._changed:
        assert publisher._ready() == []
        assert publisher._until_due() == pytest.approx(0.1)
        now += 0.1
        assert publisher._ready() == ["run.1"]
    assert publisher.flush(PATIENCE_S)


def test_the_last_message_is_sent_without_another_one_coming(wire: Wire) -> None:
    publisher = Publisher(send=wire.send)
    publisher.put("run.1", events(1, 1))
    until(lambda: len(wire.sent) == 1)
    publisher.put("run.1", events(2, 2))
    until(lambda: wire.ranges() == [(1, 1, True), (2, 2, True)])


def test_bodies_beyond_the_limit_are_left_out() -> None:
    large = events(1, 1, "x" * BODY_LIMIT)
    assert large.message.events is None
    assert events(1, 1).merge(large).message.events is None
    several = events(1, 4, "x" * (BODY_LIMIT // 5)).merge(events(5, 6, "x" * (BODY_LIMIT // 5)))
    assert (several.message.first_seq, several.message.last_seq) == (1, 6)
    assert several.message.events is None


def test_messages_that_came_in_another_order_are_put_right() -> None:
    merged = events(3, 4).merge(events(1, 2))
    assert merged.message.events is not None
    assert [event.seq for event in merged.message.events] == [1, 2, 3, 4]
    assert events(1, 1).merge(events(3, 3)).message.events is None


def test_a_message_waits_without_its_bodies_until_redis_is_back(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = Publisher(send=wire.send)
    wire.away = True
    publisher.put("run.1", events(1, 2))
    publisher.put("project.1", ChangedRuns(frozenset({1})))
    until(lambda: "run.1" in publisher._due and "project.1" in publisher._due)
    publisher.put("run.1", events(3, 3))
    wire.away = False
    assert publisher.flush(PATIENCE_S)
    sent = dict(wire.sent)
    assert sent["run.1"]["message"]["last_seq"] == 3
    assert sent["run.1"]["message"]["events"] is None
    assert sent["project.1"]["run_ids"] == [1]
    assert [record.message for record in caplog.records if "away" in record.message] == [
        "Redis is away, live updates wait: refused"
    ]


@pytest.fixture
def own_redis(settings: Settings) -> Iterator[OwnRedis]:
    """The channel layer's, not started yet."""
    server = OwnRedis()
    settings.CHANNEL_LAYERS = layer_at(server.url)
    yield server
    server.kill()


@pytest.mark.django_db(transaction=True)
async def test_a_real_redis_may_go_and_come_back(
    own_redis: OwnRedis, make_run: Callable[..., Run]
) -> None:
    run = await in_db(make_run)
    own_redis.start()
    layer = get_channel_layer()
    channel = await layer.new_channel()
    assert publisher.flush(PATIENCE_S)  # what making the run has published
    await layer.group_add(run_group(run.pk), channel)
    (event,) = await happen(run)
    assert (await layer.receive(channel))["message"]["last_seq"] == event.seq
    own_redis.kill()
    (event,) = await happen(run)
    own_redis.start()
    await layer.group_add(run_group(run.pk), channel)
    message = await layer.receive(channel)
    assert message["message"]["last_seq"] == event.seq


def test_publishing_nothing_asks_nothing(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        publish(Run(pk=1), [])
