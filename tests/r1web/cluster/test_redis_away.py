"""Redis dies, comes back empty, or is emptied, under a real worker and real runs."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import redis
from kombu import Connection, Consumer, Exchange, Message, Queue

from r1web.accounts.models import Project, User
from r1web.cluster.models import Node
from r1web.runs.models import Run, State
from r1web.runs.selectors import run_directory
from r1web.runs.services import create_run, request_stop
from tests.r1web.cluster.test_database_away import assert_nothing_is_missing
from tests.r1web.cluster.test_supervisor import has_started, state_of
from tests.r1web.conftest import PRESET
from tests.r1web.servers import OwnRedis
from tests.r1web.waiting import away_since, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

StartWorker = Callable[[], "subprocess.Popen[bytes]"]
Ask = Callable[[str], Run]


@pytest.fixture
def redis_url(own_redis: OwnRedis) -> str:
    """The broker of these tests, which they may kill."""
    return own_redis.url


@pytest.fixture
def ask(owner: User, project: Project) -> Ask:
    """A new run, of which the scheduler is told at once."""

    def create(name: str) -> Run:
        return create_run(owner=owner, project=project, preset=PRESET, name=name, overrides={})

    return create


def let_go_on(run: Run) -> None:
    """Its trainer takes the steps that are left, now or as soon as it is there."""
    folder = run_directory(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go-on").touch()


def test_while_redis_is_away_runs_go_on_and_new_ones_start_when_it_is_back(
    own_redis: OwnRedis,
    start_worker: StartWorker,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_TRAINER", "pause")
    start_worker()
    until(Node.objects.exists)
    run = ask("first")
    until(lambda: has_started(run))
    own_redis.kill()
    then = time.monotonic()
    let_go_on(run)
    until(lambda: state_of(run) == State.FINISHED)
    assert_nothing_is_missing(run)
    asked_meanwhile = ask("asked while Redis is away")
    away_since(then)
    own_redis.start()
    let_go_on(asked_meanwhile)
    request_stop(run=ask("what reminds the scheduler"), actor="olga")
    until(lambda: state_of(asked_meanwhile) == State.FINISHED)


def test_a_redis_that_dies_while_a_task_runs_ends_no_worker(own_redis: OwnRedis) -> None:
    """As Celery closes its connection then, with a channel that cannot be closed beside it."""
    connection = Connection(own_redis.url, transport="r1web.broker:Transport")
    received: list[Message] = []
    channels = [connection.default_channel, connection.channel()]
    queues = [Queue(name, Exchange(name), routing_key=name) for name in ("task", "idle")]
    for channel, one in zip(channels, queues, strict=True):
        Consumer(channel, [one], on_message=received.append).consume()
    connection.Producer().publish({}, exchange="task", routing_key="task", declare=queues[:1])
    until(lambda: received or connection.drain_events(timeout=10))
    with suppress(TimeoutError):
        connection.drain_events(timeout=0.1)  # it waits for the next message
    connection.transport.cycle._register_BRPOP(channels[1])  # and so does the other channel
    own_redis.kill()
    connection.collect()
    connection.close()
    assert not connection.connected


def test_a_redis_that_is_emptied_takes_new_messages(
    own_redis: OwnRedis,
    start_worker: StartWorker,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_TRAINER", "finish")
    start_worker()
    until(Node.objects.exists)
    first = ask("first")
    until(lambda: state_of(first) == State.FINISHED)
    redis.Redis.from_url(own_redis.url).flushall()
    second = ask("after the flush")
    until(lambda: state_of(second) == State.FINISHED)
