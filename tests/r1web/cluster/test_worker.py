"""A real Celery worker and a real Redis: the path of a run, and what a killed worker leaves."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from pytest_django import Settings

from r1web.accounts.models import Project, User
from r1web.cluster import queue
from r1web.cluster.models import Node
from r1web.runs.models import Attempt, State
from r1web.runs.services import create_run, request_stop
from tests.r1web.cluster.conftest import database_url, end_processes
from tests.r1web.cluster.test_supervisor import has_started, state_of
from tests.r1web.conftest import PRESET
from tests.r1web.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

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


def test_a_killed_worker_leaves_training_running_and_followed(
    owner: User,
    project: Project,
    start_worker: Callable[[], "subprocess.Popen[bytes]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_TRAINER", "wait")
    worker = start_worker()
    until(Node.objects.exists)
    run = create_run(owner=owner, project=project, preset=PRESET, name="first", overrides={})
    until(lambda: has_started(run))
    worker.kill()
    worker.wait()
    attempt = Attempt.objects.get(run=run)
    request_stop(run=run, actor="olga")
    until(lambda: state_of(run) == State.STOPPED)
    attempt.refresh_from_db()
    assert attempt.reason == "Stopped at step 1."
    start_worker()
    waiting = create_run(owner=owner, project=project, preset=PRESET, name="second", overrides={})
    until(lambda: has_started(waiting))
    request_stop(run=waiting, actor="olga")
    until(lambda: state_of(waiting) == State.STOPPED)
