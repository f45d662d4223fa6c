"""Breaks a random part every moment, while people start, stop, resume and fork runs.

Everything random follows from one seed; what the machine makes of it does not.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import redis
from django.db import OperationalError, connection

from r1web.accounts.models import Project, User
from r1web.cluster.services.reconcile import is_alive
from r1web.errors import ConflictError
from r1web.runs.models import ENDED, Attempt, Run, State
from r1web.runs.services import create_run, fork_run, request_stop, resume_run
from tests.r1web.conftest import PRESET
from tests.r1web.servers import OwnRedis

STEPS = 12
MOST_RUNS = 12
PAUSE_S = 1.0
CONFIG = {"grpo": {"steps": STEPS}, "resume": {"times": 1000, "delay_s": 1}}
CELERY = [sys.executable, "-m", "celery", "-A", "r1web.celery"]
WORKER = ["worker", "--pool", "threads", "--concurrency", "2", "--without-gossip"]
BEAT = ["beat", "--pidfile", ""]


class Service:
    """A process of the dashboard, started again whenever it has been killed."""

    def __init__(self, words: list[str], log: Path) -> None:
        self.words, self.log = words, log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*CELERY, *self.words],
                stdout=log,
                stderr=log,
                env={**os.environ, "C_FORCE_ROOT": "1"},
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Chaos:
    def __init__(self, *, seed: int, home: Path, broker: OwnRedis, owner: User) -> None:
        self.random = random.Random(seed)
        self.broker, self.owner = broker, owner
        self.worker = Service([*WORKER, "--without-mingle"], home / "worker.log")
        self.beat = Service([*BEAT, "--schedule", str(home / "beat")], home / "beat.log")
        self.done: list[str] = []

    def rage(self, seconds: float) -> None:
        """Break something and ask for something, every second."""
        breaks = [
            *(self.kill_trainer, self.kill_supervisor, self.take_machine, self.kill_worker),
            *(self.kill_beat, self.restart_redis, self.empty_redis, self.cut_database),
        ]
        asks = [self.create, self.create, self.stop, self.resume, self.fork]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for chosen in (self.random.choice(asks), self.random.choice(breaks)):
                self._try(chosen)
            time.sleep(PAUSE_S)  # the rate of breaking things; nothing is awaited

    def end(self) -> None:
        """Ask every run to stop."""
        for run in Run.objects.exclude(state__in=ENDED):
            with suppress(ConflictError):
                request_stop(run=run, actor=self.owner)

    def close(self) -> None:
        self.beat.kill()
        self.worker.kill()

    def _try(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except (OperationalError, ConflictError, psutil.NoSuchProcess) as error:
            connection.close()  # what a page would answer with an error
            self.done.append(f"{action.__name__}: {error}")
        else:
            self.done.append(action.__name__)

    def _some_run(self, **wanted: Any) -> Run | None:
        runs = list(Run.objects.filter(**wanted).order_by("pk"))
        return self.random.choice(runs) if runs else None

    def _signal(self, kind: str, number: signal.Signals) -> None:
        """Send a signal to the launcher or the supervisor of one of the open attempts."""
        attempts = list(Attempt.objects.filter(ended_at=None).order_by("pk"))
        if not attempts:
            return
        attempt = self.random.choice(attempts)
        pid = getattr(attempt, f"{kind}_pid")
        if is_alive(pid, getattr(attempt, f"{kind}_started")):
            os.kill(pid, number)

    def create(self) -> None:
        if Run.objects.count() < MOST_RUNS:
            project = Project.objects.get()
            create_run(owner=self.owner, project=project, preset=PRESET, name="r", overrides=CONFIG)

    def stop(self) -> None:
        if run := self._some_run(state__in=[State.RUNNING, State.QUEUED]):
            request_stop(run=run, actor=self.owner)

    def resume(self) -> None:
        if run := self._some_run(state__in=ENDED):
            resume_run(run=run, actor=self.owner)

    def fork(self) -> None:
        if Run.objects.count() < MOST_RUNS and (run := self._some_run()):
            fork_run(run=run, actor=self.owner, name="f", overrides={})

    def kill_trainer(self) -> None:
        self._signal("launcher", signal.SIGKILL)

    def kill_supervisor(self) -> None:
        self._signal("supervisor", signal.SIGKILL)

    def take_machine(self) -> None:
        self._signal("supervisor", signal.SIGTERM)

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker.start()

    def kill_beat(self) -> None:
        self.beat.kill()
        self.beat.start()

    def restart_redis(self) -> None:
        self.broker.kill()
        time.sleep(self.random.uniform(0, 3))  # how long it is away
        self.broker.start()

    def empty_redis(self) -> None:
        redis.Redis.from_url(self.broker.url).flushall()

    def cut_database(self) -> None:
        """Lock SQLite's file for a moment, or end every session of PostgreSQL but ours."""
        if connection.vendor != "sqlite":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return
        with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=30)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(self.random.uniform(0, 2))  # how long it is locked
            other.execute("ROLLBACK")
