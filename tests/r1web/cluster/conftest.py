"""Nodes to run on, and real supervisors with the trainer of fake_trainer.py."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from r1web.cluster import queue, services
from r1web.cluster.models import Device, Follower, Node
from r1web.cluster.services import supervising
from r1web.processes import is_alive
from r1web.runs.models import Attempt, Run
from r1web.settings.environment import database
from tests.r1web.servers import OwnPostgres, OwnRedis

PATIENCE_S = 150.0
CONNECTIONS = 40
"""How many the tests' own PostgreSQL allows."""


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of the test's own; the processes that it starts share it and the database."""
    settings.R1WEB_HOME = tmp_path
    settings.R1WEB_RUNS_DIR = tmp_path / "runs"
    settings.R1WEB_NODE_NAME = "laptop"
    monkeypatch.setenv("R1WEB_HOME", str(tmp_path))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.r1web.cluster.settings")
    yield tmp_path
    supervisor, supervising._supervisor = supervising._supervisor, None
    if supervisor is not None and supervisor.stdin is not None:
        supervisor.stdin.close()  # the next test's works elsewhere


@pytest.fixture
def make_node(db: None) -> Callable[..., Node]:
    """A node that was just heard, with CPU slots or GPUs."""

    def make(name: str = "laptop", *, slots: int = 1, gpus: int = 0, **fields: Any) -> Node:
        # No worker beats for it: it stays heard for as long as a slow machine needs for the test.
        heard = {"heartbeat_at": timezone.now() + timedelta(hours=1)}
        node = Node.objects.create(name=name, queue=f"node.{name}", cpus=4, **{**heard, **fields})
        kind, count = (Device.Kind.GPU, gpus) if gpus else (Device.Kind.CPU, slots)
        Device.objects.bulk_create(
            Device(node=node, kind=kind, index=index) for index in range(count)
        )
        return node

    return make


def database_url() -> str:
    """Where this process's test database is, for another process."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    user = f"{given['USER']}:{given['PASSWORD']}@" if given["USER"] else ""
    return f"postgresql://{user}{given['HOST']}:{given['PORT'] or 5432}/{given['NAME']}"


@dataclass
class Started:
    """A supervisor process with its attempt."""

    attempt: Attempt
    process: subprocess.Popen[bytes]
    folder: Path

    def wait(self) -> Attempt:
        """Until the supervisor has ended; the attempt as it then is."""
        assert self.process.wait(timeout=PATIENCE_S) == 0, self.log()
        return Attempt.objects.select_related("run").get(pk=self.attempt.pk)

    def log(self) -> str:
        return (self.folder / "supervisor.log").read_text()

    def launcher(self) -> psutil.Process:
        attempt = Attempt.objects.get(pk=self.attempt.pk)
        assert attempt.launcher_pid is not None
        return psutil.Process(attempt.launcher_pid)


@pytest.fixture
def supervise(
    transactional_db: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Started]]:
    """Start `manage.py supervise` for a scheduled run, its trainer living through `story`."""
    started: list[Started] = []

    def start(
        attempt: Attempt,
        story: str = "finish",
        *,
        database: str | None = None,
        node_rank: int = 0,
        within: Sequence[str] = (),
    ) -> Started:
        """`within` is the command, if any, that the supervisor's own is appended to."""
        monkeypatch.setenv("FAKE_TRAINER", story)
        monkeypatch.setenv("DATABASE_URL", database or database_url())
        folder = home / "runs" / attempt.run.directory_name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "supervisor.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(*within, sys.executable, "manage.py", "supervise", str(attempt.pk)),
                    *("--node-rank", str(node_rank)),
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "R1WEB_NODE_NAME": f"node-{node_rank}"},
                start_new_session=True,
            )
        started.append(Started(attempt, process, folder))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
    end_processes()


def end_processes() -> None:
    """Leave no supervisor and no trainer behind, whatever the test has come to."""
    for part in (*Attempt.objects.all(), *Follower.objects.all()):
        _kill(part.supervisor_pid, part.supervisor_started)
        _kill(part.launcher_pid, part.launcher_started)


def _kill(pid: int | None, created: float | None) -> None:
    if pid is None or not is_alive(pid, created):
        return
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=PATIENCE_S)


@pytest.fixture
def attempt_of(make_node: Callable[..., Node]) -> Callable[[Run], Attempt]:
    """Schedule a queued run and claim its attempt."""

    def open_attempt(run: Run) -> Attempt:
        if not Node.objects.exists():
            make_node()
        (attempt,) = services.schedule()
        assert attempt.run == run
        assert services.claim(attempt_id=attempt.pk)
        return Attempt.objects.select_related("run").get(pk=attempt.pk)

    return open_attempt


WORKER = ["-m", "celery", "-A", "r1web.celery", "worker", "--pool", "threads", "--concurrency", "2"]


@pytest.fixture
def broker(
    redis_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Celery:
    """The tests' Redis for this process and those it starts."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("R1WEB_REDIS_PREFIX", home.name)
    monkeypatch.setenv("R1WEB_NODE_NAME", "laptop")
    monkeypatch.setenv("DATABASE_URL", database_url())
    app = Celery("tests", broker=redis_url, set_as_current=False)
    app.conf.task_default_queue = queue.CONTROL_QUEUE
    app.conf.broker_transport_options = {
        **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        "global_keyprefix": f"{home.name}:celery:",
    }
    monkeypatch.setattr(queue, "app", app)
    return app


@pytest.fixture
def start_worker(broker: Celery, home: Path) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    workers: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        with (home / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, *WORKER, "--without-gossip", "--without-mingle"],
                stdout=log,
                stderr=log,
                env={**os.environ, "C_FORCE_ROOT": "1"},
            )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()
    end_processes()


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """One that a test may kill; with `redis_url` made from it, all processes use it."""
    server = OwnRedis()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_postgres(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnPostgres]:
    """This process's default database meanwhile, with all tables."""
    server = OwnPostgres(CONNECTIONS)
    server.start()
    monkeypatch.setenv("DATABASE_URL", server.url)
    with default_database({"OPTIONS": {}, **database(server.folder)}):
        call_command("migrate", verbosity=0)
        yield server
    server.remove()


@contextmanager
def default_database(changes: dict[str, Any]) -> Iterator[None]:
    """Another database as the default one meanwhile."""
    given = connections["default"]
    with pytest.MonkeyPatch.context() as patch:
        settings = {**connections.settings["default"], **changes}
        patch.setitem(connections.settings, "default", settings)
        connections["default"] = connections.create_connection("default")
        yield
        connection.close()
        connections["default"] = given
