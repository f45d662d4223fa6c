"""Breaks a random part every moment, while people start, stop, resume and fork runs.

Everything random follows from one seed; what the machine makes of it does not.
"""

import random
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import psutil
import psycopg
import redis
from django.db import OperationalError, connection, connections

from r1web.cluster import queue, services
from r1web.processes import is_alive
from r1web.runs.models import ENDED, Attempt, Event, Run, State
from tests.r1web.cluster.dashboard import BEAT, WORKER, Service, Web
from tests.r1web.conftest import PRESET
from tests.r1web.servers import OwnPostgres, OwnRedis
from tests.r1web.waiting import until

FEWEST_STEPS, MOST_STEPS = 5, 40
MOST_RUNS = 6
"""Runs that have not ended, at most: twice as many as there are places."""
PAUSE_S = 2.0
PATIENCE_S = 5.0
"""How long a break waits for something to break."""
FROZEN_S = 40.0
"""Longer than it takes until a run counts as lost."""
RESUME = {"times": 1000, "delay_s": 1}

Action = Callable[[], Any]


class Chaos:
    def __init__(
        self, *, seed: int, home: Path, broker: OwnRedis, postgres: OwnPostgres | None, token: str
    ) -> None:
        self.random = random.Random(seed)
        self.broker, self.postgres = broker, postgres
        self.worker = Service([*WORKER, "--without-mingle"], home / "worker.log")
        self.beat = Service([*BEAT, "--schedule", str(home / "beat")], home / "beat.log")
        self.web = Web(home, token)
        self.services = (self.worker, self.beat, self.web.service)
        self.closed = threading.Event()
        self.init = threading.Thread(target=self._keep_alive, daemon=True)
        self.init.start()
        self.queues = [f"{home.name}:celery:{name}" for name in ("control", "node.laptop")]
        self.frozen: list[tuple[float, psutil.Process]] = []
        self.done: list[str] = []
        self.faults: list[str] = []
        """Answers of the web that blame itself: 500."""

    def begin(self) -> None:
        """Let the first runs train."""
        until(self._answers)
        for _ in range(MOST_RUNS):
            self.create()
        until(lambda: Event.objects.filter(type="checkpoint").exists())

    def _answers(self) -> bool:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.web.port)).close()
            return True
        return False

    def rage(self, seconds: float) -> None:
        """Break something and ask for something, every few seconds."""
        breaks = self._in_turns([*self._breaks(), *self._database_breaks()])
        asks = self._in_turns([self.create, self.create, self.stop, self.resume, self.fork])
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._try(next(asks))
            self._try(next(breaks))
            self._thaw(time.monotonic())
            time.sleep(PAUSE_S)  # the rate of breaking things; nothing is awaited
        self._thaw(deadline + FROZEN_S)

    def waiting_messages(self) -> int:
        server = redis.Redis.from_url(self.broker.url)
        return sum(server.llen(name) for name in self.queues)

    def close(self) -> None:
        self.closed.set()
        self.init.join()
        for service in self.services:
            service.kill()

    def _keep_alive(self) -> None:
        while not self.closed.wait(1):
            for service in self.services:
                service.revive()

    def _breaks(self) -> Sequence[Action]:
        return (
            *(self.kill_rank, self.crash_rank, self.hang_rank, self.kill_launcher),
            *(self.kill_supervisor, self.take_machine, self.freeze_supervisor),
            *(self.kill_worker, self.kill_beat, self.kill_web),
            *(self.restart_redis, self.empty_redis, self.lose_messages, self.repeat_messages),
            self.schedule_at_once,
        )

    def _database_breaks(self) -> Sequence[Action]:
        if self.postgres is None:
            return (self.lock_database,)
        return self.cut_sessions, self.restart_database, self.take_connections

    def _in_turns(self, actions: Sequence[Action]) -> Iterator[Action]:
        """Each once in random order, then each once more, and so on."""
        while True:
            yield from self.random.sample(actions, len(actions))

    def _try(self, action: Action) -> None:
        try:
            action()
        except HTTPError as error:
            self.done.append(f"{action.__name__}: {error.code}")
            if error.code == 500:
                self.faults.append(f"{action.__name__}: {error.read().decode()}")
        except (OSError, HTTPException, OperationalError, sqlite3.Error, psutil.Error) as error:
            connection.close()
            self.done.append(f"{action.__name__}: {type(error).__name__}")
        else:
            self.done.append(action.__name__)

    # What people ask for.

    def create(self) -> Any:
        if Run.objects.exclude(state__in=ENDED).count() < MOST_RUNS:
            steps = self.random.randint(FEWEST_STEPS, MOST_STEPS)
            config = {"grpo": {"steps": steps}, "resume": RESUME}
            return self.web.post("/runs", {"preset": PRESET, "config": config})
        return None

    def stop(self) -> None:
        if run := self._some_run(state__in=[State.RUNNING, State.QUEUED]):
            self.web.post(f"/runs/{run.pk}/stop", {})

    def resume(self) -> None:
        if run := self._some_run(state__in=[State.STOPPED, State.FAILED]):
            self.web.post(f"/runs/{run.pk}/resume", {})

    def fork(self) -> None:
        unended = Run.objects.exclude(state__in=ENDED).count()
        if unended < MOST_RUNS and (run := self._some_run(checkpoints__isnull=False)):
            self.web.post(f"/runs/{run.pk}/fork", {})

    def _some_run(self, **wanted: Any) -> Run | None:
        runs = list(Run.objects.filter(**wanted).distinct().order_by("pk"))
        return self.random.choice(runs) if runs else None

    # What breaks: trainers and supervisors.

    def _process(self, kind: str) -> psutil.Process:
        """The launcher or the supervisor of one of the open attempts, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while not (living := _living(kind)):
            if time.monotonic() > deadline:
                raise psutil.NoSuchProcess(0)
            time.sleep(0.1)
        return psutil.Process(self.random.choice(living))

    def _signal_rank(self, number: signal.Signals) -> None:
        for rank in self._process("launcher").children():
            rank.send_signal(number)

    def kill_rank(self) -> None:
        self._signal_rank(signal.SIGKILL)

    def crash_rank(self) -> None:
        self._signal_rank(signal.SIGSEGV)

    def hang_rank(self) -> None:
        self._signal_rank(signal.SIGSTOP)

    def kill_launcher(self) -> None:
        self._process("launcher").kill()

    def kill_supervisor(self) -> None:
        self._process("supervisor").kill()

    def take_machine(self) -> None:
        self._process("supervisor").terminate()

    def freeze_supervisor(self) -> None:
        supervisor = self._process("supervisor")
        supervisor.suspend()
        self.frozen.append((time.monotonic() + FROZEN_S, supervisor))

    def _thaw(self, now: float) -> None:
        due = [supervisor for at, supervisor in self.frozen if at <= now]
        self.frozen = [(at, supervisor) for at, supervisor in self.frozen if at > now]
        for supervisor in due:
            with suppress(psutil.NoSuchProcess):
                supervisor.resume()

    # What breaks: the dashboard's processes.

    def kill_worker(self) -> None:
        with self.worker.away():
            pass

    def kill_beat(self) -> None:
        with self.beat.away():
            pass

    def kill_web(self) -> None:
        with self.web.service.away():
            pass

    # What breaks: messages.

    def restart_redis(self) -> None:
        self.broker.kill()
        time.sleep(self.random.uniform(0, 5))  # how long it is away
        self.broker.start()

    def empty_redis(self) -> None:
        redis.Redis.from_url(self.broker.url).flushall()

    def lose_messages(self) -> None:
        """Those that come while no worker reads them."""
        with self.worker.away():
            time.sleep(self.random.uniform(0, 3))  # how many come
            redis.Redis.from_url(self.broker.url).delete(*self.queues)

    def repeat_messages(self) -> None:
        for attempt in Attempt.objects.filter(ended_at=None).select_related("node"):
            if attempt.node:
                queue.send(queue.LAUNCH, attempt.pk, queue=attempt.node.queue)
        for name in (queue.SCHEDULE, queue.RECONCILE) * 3:
            queue.send(name, queue=queue.CONTROL_QUEUE)

    def schedule_at_once(self) -> None:
        """Three schedulers, besides those of the worker."""
        threads = [threading.Thread(target=_schedule) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # What breaks: the database.

    def lock_database(self) -> None:
        """Nobody else reaches SQLite's file for a moment."""
        with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=30)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(self.random.uniform(0, 3))  # how long it is locked
            other.execute("ROLLBACK")

    def cut_sessions(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def restart_database(self) -> None:
        assert self.postgres is not None
        connection.close()
        self.postgres.kill()
        time.sleep(self.random.uniform(0, 5))  # how long it is away
        self.postgres.start()

    def take_connections(self) -> None:
        """Every place that is free, and those that become free."""
        assert self.postgres is not None
        connection.close()
        with ExitStack() as hogs:
            deadline = time.monotonic() + self.random.uniform(0, 3)
            while time.monotonic() < deadline:
                with suppress(psycopg.OperationalError):
                    hogs.enter_context(self.postgres.connect())


def _living(kind: str) -> list[int]:
    attempts = Attempt.objects.filter(ended_at=None).order_by("pk")
    known = attempts.values_list(f"{kind}_pid", f"{kind}_started")
    return [pid for pid, created in known if pid and is_alive(pid, created)]


def _schedule() -> None:
    with suppress(OperationalError):
        services.schedule()
    connections.close_all()
