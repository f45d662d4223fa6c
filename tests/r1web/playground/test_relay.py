"""A session amid answers: nobody asks, Redis dies, the trainer crashes, the worker goes away."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from pytest_django import Settings

from r1web.accounts.models import User
from r1web.cluster.models import Node
from r1web.playground import queue, selectors, services, wires
from r1web.playground.selectors import Speaker
from r1web.playground.services import relay
from r1web.playground.wires import Wires
from r1web.processes import is_alive
from r1web.runs.models import Run
from r1web.settings import base
from tests.r1web.cluster.conftest import database_url
from tests.r1web.playground.fake_serve import COMMAND, DIE, FAIL, HOLD, SAY, TEXTS
from tests.r1web.servers import OwnRedis
from tests.r1web.waiting import PATIENCE_S, until

pytestmark = pytest.mark.django_db(transaction=True)

Ask = Callable[..., "Listener"]
REAL = base.SERVE_COMMAND


class Listener:
    """Reads an answer as a page does, in a thread of its own."""

    def __init__(self, request_id: str) -> None:
        self.id = request_id
        self.events: list[dict[str, Any]] = []
        self.failed = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read(request_id)))
        self._thread.start()

    def begun(self) -> bool:
        return any(event["type"] == "text" for event in self.events)

    def text(self) -> str:
        """All of it, once it has ended."""
        self._thread.join(PATIENCE_S)
        assert self.events[-1]["type"] == "done", self.failed
        return "".join(event["text"] for event in self.events if event["type"] == "text")

    def why_not(self) -> str:
        self._thread.join(PATIENCE_S)
        assert self.failed, self.events
        return self.failed

    async def _read(self, request_id: str) -> None:
        try:
            async for event in services.events(request_id):
                self.events.append(event)
        except services.FailedError as error:
            self.failed = str(error)


@pytest.fixture(autouse=True)
def redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRedis]:
    """One that a test may kill."""
    server = OwnRedis()
    server.start()
    settings.REDIS_URL = server.url
    settings.SERVE_COMMAND = COMMAND
    monkeypatch.setattr(wires, "BLOCK_S", 0.05)
    yield server
    server.kill()


@pytest.fixture
def node() -> Node:
    return Node.objects.create(name="one", queue="node.one")


@pytest.fixture
def speaker(make_run: Callable[..., Run], runs_dir: Path) -> Speaker:
    speaker = selectors.speaker_of(make_run(), None)
    assert speaker is not None
    return speaker


@pytest.fixture
def sessions(
    node: Node, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[threading.Thread]]:
    """Those that were started, each in a thread of this process in place of one of its own."""
    started: list[threading.Thread] = []

    def run() -> None:
        with wires.connect() as connection:
            relay.Relay(speaker, node.queue, connection).run()

    def serve(*_: object) -> None:
        started.append(threading.Thread(target=run))
        started[-1].start()

    monkeypatch.setattr(queue, "serve", serve)
    yield started
    node.delete()  # they may not stay
    for each in started:
        each.join(PATIENCE_S)
        assert not each.is_alive()


@pytest.fixture
def ask(owner: User, speaker: Speaker) -> Ask:
    def ask(question: str, **more: Any) -> Listener:
        messages = [{"role": "user", "content": question}]
        request = {"type": "ask", "messages": messages, **more}
        return Listener(services.ask(user=owner, speaker=speaker, request=request))

    return ask


def begun(listener: Listener) -> Listener:
    until(listener.begun)
    return listener


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE_S)
    return not thread.is_alive()


def pipes_and_sockets() -> set[str]:
    folder = Path("/proc/self/fd")
    names = (str(path.readlink()) for path in folder.iterdir() if path.is_symlink())
    return {name for name in names if name.startswith(("pipe:", "socket:"))}


def trainer_of(session: int) -> psutil.Process:
    children = psutil.Process(session).children()
    (trainer,) = [each for each in children if COMMAND[-1] in each.cmdline()]
    return trainer


def go_on() -> None:
    """Have the trainer finish what it holds."""
    trainer_of(os.getpid()).send_signal(signal.SIGUSR1)


def test_a_session_ends_when_nobody_asks_and_leaves_nothing_open(
    ask: Ask, sessions: list[threading.Thread], node: Node, speaker: Speaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before = pipes_and_sockets(), set(threading.enumerate())
    looks: list[float] = []

    def monotonic() -> float:
        """A third of IDLE_S passes whenever the session looks at its clock."""
        looks.append(len(looks) * relay.IDLE_S / 3)
        return looks[-1]

    monkeypatch.setattr(relay, "time", SimpleNamespace(monotonic=monotonic))
    held = begun(ask(HOLD))
    seen = len(looks)
    until(lambda: len(looks) > seen + 20)  # an answer that goes on is no idleness
    assert sessions[0].is_alive()
    go_on()
    assert held.text() == "".join(TEXTS)
    assert ended(sessions[0])
    with wires.connect() as connection:
        assert not connection.exists(Wires(node.queue, speaker.name).owner)
    assert (pipes_and_sockets(), set(threading.enumerate())) == before
    assert ask(SAY).text() == "".join(TEXTS)
    assert len(sessions) == 2


def test_redis_dies_amid_an_answer_and_comes_back(
    ask: Ask, sessions: list[threading.Thread], redis: OwnRedis
) -> None:
    held = begun(ask(HOLD))
    redis.kill()
    assert held.why_not() == "Redis does not answer, so the answer is lost: ask again."
    assert ended(sessions[0])
    redis.start()
    assert ask(SAY).text() == "".join(TEXTS)


def test_a_redis_that_came_back_empty_gets_no_second_half_of_an_answer(
    ask: Ask, sessions: list[threading.Thread]
) -> None:
    held = begun(ask(HOLD))
    with wires.connect() as connection:
        connection.flushall()
        go_on()
        assert ask(SAY).text() == "".join(TEXTS)
        assert held.why_not()
        assert ended(sessions[0])
        stream: Any = connection.xrange(wires.answer(held.id))
    assert all(json.loads(fields["event"])["type"] == "failed" for _, fields in stream)


def test_a_question_that_redis_has_forgotten_is_told_of(ask: Ask) -> None:
    assert Listener("forgotten").why_not() == "Redis has forgotten the question: ask again."


def test_an_event_that_redis_does_not_take_ends_the_session(
    ask: Ask, sessions: list[threading.Thread]
) -> None:
    held = begun(ask(HOLD))
    with wires.connect() as connection:
        connection.config_set("maxmemory", 1)
        go_on()
        assert held.why_not() == "The process that answered has ended: ask again."
        assert ended(sessions[0])
        connection.config_set("maxmemory", 0)
    assert ask(SAY).text() == "".join(TEXTS)


@pytest.mark.parametrize(
    ("story", "how"), [(FAIL, "has failed: RuntimeError: out of ink"), (DIE, "ended by signal 9")]
)
def test_why_the_trainer_crashed_is_told_to_all_that_wait(
    ask: Ask, sessions: list[threading.Thread], story: str, how: str
) -> None:
    held = begun(ask(HOLD))
    crashing = ask(story)
    assert how in crashing.why_not()
    assert held.why_not() == crashing.why_not()
    assert ended(sessions[0])
    assert ask(SAY).text() == "".join(TEXTS)
    assert len(sessions) == 2


def test_the_real_trainer_answers_until_its_node_is_cordoned(
    ask: Ask, node: Node, sessions: list[threading.Thread], settings: Settings
) -> None:
    settings.SERVE_COMMAND = REAL
    assert ask("42 - 25 =", max_tokens=4).text()
    node.cordoned = True
    node.save()
    assert ended(sessions[0])


WORKER = """
import signal, sys, django
django.setup()
from r1web.playground import services
signal.signal(signal.SIGTERM, lambda *_: services.end_sessions())
services.start_session(run_id=int(sys.argv[1]), step=None)
while True: signal.pause()
"""


@pytest.fixture
def worker(
    node: Node, speaker: Speaker, redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has started the session."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.r1web.playground.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": redis.url,
        "R1WEB_NODE_NAME": node.name,
    }
    command = [sys.executable, "-c", WORKER, str(speaker.run.pk)]
    monkeypatch.setattr(queue, "serve", lambda *_: None)
    with subprocess.Popen(command, env=os.environ | environment) as process:
        yield process
        process.kill()


def gone(process: psutil.Process) -> bool:
    return not is_alive(process.pid, None)


def test_a_session_goes_with_its_worker_and_says_so(
    ask: Ask, worker: "subprocess.Popen[bytes]"
) -> None:
    held = begun(ask(HOLD))
    (session,) = psutil.Process(worker.pid).children()
    trainer = trainer_of(session.pid)
    worker.kill()
    assert held.why_not() == relay.ENDED
    until(lambda: gone(session) and gone(trainer))


def test_a_session_that_is_killed_takes_its_trainer_along_and_another_follows(
    ask: Ask, worker: "subprocess.Popen[bytes]", node: Node, speaker: Speaker
) -> None:
    held = begun(ask(HOLD))
    (session,) = psutil.Process(worker.pid).children()
    trainer = trainer_of(session.pid)
    session.kill()
    until(lambda: gone(trainer))
    with wires.connect() as connection:
        connection.set(Wires(node.queue, speaker.name).owner, "another")
    assert held.why_not() == "The process that answered has ended: ask again."


def test_a_worker_that_ends_ends_its_sessions(ask: Ask, worker: "subprocess.Popen[bytes]") -> None:
    held = begun(ask(HOLD))
    (session,) = psutil.Process(worker.pid).children()
    worker.terminate()
    assert held.why_not() == relay.ENDED
    until(lambda: gone(session))
