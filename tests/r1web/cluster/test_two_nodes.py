"""Two nodes with a network between them: their own addresses, workers, and the real trainer."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from celery import Celery
from django.db import connection, transaction

from r1web.accounts.models import Project, User
from r1web.cluster.models import Follower, Lease, Node, PortLease
from r1web.cluster.services.reconcile import is_alive
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State
from r1web.runs.services import create_run, request_stop
from tests.r1web.cluster.conftest import WORKER, database_url, end_processes
from tests.r1web.cluster.network import (
    HOST,
    Network,
    network,
    reached_from_network,
    why_no_network,
)
from tests.r1web.cluster.test_database_away import ON_POSTGRESQL
from tests.r1web.cluster.test_supervisor import state_of
from tests.r1web.conftest import PRESET
from tests.r1web.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(why_no_network()), reason=why_no_network()),
]

PATIENCE_S = 600.0
"""Two trainers load torch and DeepSpeed."""


BEAT = ["-m", "celery", "-A", "r1web.celery", "beat", "--pidfile", "", "--schedule"]
ALONE = ("--without-gossip", "--without-mingle")
HOLDER = """
import signal
import django
django.setup()
from django.db import transaction
from r1web.runs.services import lock_attempt
with transaction.atomic():
    lock_attempt({attempt})
    signal.pause()
"""
ENDLESS = {
    "grpo": {"steps": 1_000_000, "prompts_per_step": 2, "group_size": 4},
    "sampling": {"max_new_tokens": 16},
    "checkpoint": {"every_steps": 2},
    "evaluation": {"every_steps": 0},
    "hardware": {"device": "cpu", "nodes": 2, "processes": 2, "zero_stage": 2},
    "resume": {"delay_s": 1},
}


@dataclass
class Site:
    """Two nodes with a worker each, and beat."""

    network: Network
    workers: dict[str, "subprocess.Popen[bytes]"]
    on_node: Callable[..., "subprocess.Popen[bytes]"]

    def hold_locked(self, name: str, run: Run) -> None:
        """Have something on the node be in the middle of a transaction about the run."""
        attempt = Attempt.objects.get(run=run)
        self.on_node(name, "holder", "-c", HOLDER.format(attempt=attempt.pk))
        until(lambda: locked(attempt))


@pytest.fixture
def site(
    broker: Celery, redis_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "r1web.settings.test")
    redis_port = urlsplit(redis_url).port
    assert redis_port is not None
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, *command: str, **env: str) -> "subprocess.Popen[bytes]":
        with (home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "C_FORCE_ROOT": "1", "OMP_NUM_THREADS": "1", **env},
            )
        processes.append(process)
        return process

    with ExitStack() as stack:
        made = stack.enter_context(network("a", "b"))
        reached = {
            "REDIS_URL": f"redis://{HOST}:{stack.enter_context(reached_from_network(redis_port))}/0"
        }
        if connection.vendor == "postgresql":
            given = urlsplit(database_url())
            port = stack.enter_context(reached_from_network(given.port or 5432))
            user = given.netloc.rpartition("@")[0]
            reached["DATABASE_URL"] = given._replace(netloc=f"{user}@{HOST}:{port}").geturl()

        def on_node(name: str, what: str, *words: str) -> "subprocess.Popen[bytes]":
            command = (*made.on(name), sys.executable, *words)
            own = {"R1WEB_NODE_NAME": name, "R1WEB_CPU_SLOTS": "1", **reached}
            return start(f"{what}-{name}", *command, **own)

        start("beat", sys.executable, *BEAT, str(home / "beat-schedule"))
        workers = {
            name: on_node(name, "worker", *WORKER, "--hostname", f"{name}@%h", *ALONE)
            for name in made.nodes
        }
        until(lambda: Node.objects.count() == 2, PATIENCE_S)
        yield Site(made, workers, on_node)
        for process in processes:
            process.kill()
            process.wait()
        end_processes()


@pytest.fixture
def start_run(owner: User, project: Project) -> Callable[..., Run]:
    def start(**hardware: Any) -> Run:
        overrides = {**ENDLESS, "hardware": {**ENDLESS["hardware"], **hardware}}
        return create_run(
            owner=owner, project=project, preset=PRESET, name="two nodes", overrides=overrides
        )

    return start


def reason_of(run: Run, number: int) -> str:
    """Why an attempt has ended; empty while it has not."""
    attempt = Attempt.objects.filter(run=run, number=number).exclude(ended_at=None).first()
    return attempt.reason.partition("\n")[0] if attempt else ""


def locked(attempt: Attempt) -> bool:
    """Whether somebody else has the attempt's row for himself."""
    with transaction.atomic():
        free = Attempt.objects.select_for_update(skip_locked=True).filter(pk=attempt.pk)
        return not free.exists()


def nothing_is_held() -> bool:
    held = (table.objects.filter(released_at=None).exists() for table in (Lease, PortLease))
    return not any(held)


def test_a_run_on_two_nodes_survives_that_they_lose_each_other(
    site: Site, start_run: Callable[..., Run]
) -> None:
    run = start_run()
    until(Checkpoint.objects.filter(run=run).exists, PATIENCE_S)
    lease = PortLease.objects.select_related("node").get(released_at=None)
    assert lease.node.address == site.network.address(lease.node.name)
    started = Event.objects.get(run=run, type="started").payload
    assert (started["processes"], started["device"]) == (2, "cpu")
    site.network.part(cut=True)
    until(lambda: reason_of(run, 1), PATIENCE_S)
    further = Follower.objects.select_related("node").get(attempt__run=run, attempt__number=1)
    assert further.node is not None
    where = f"{lease.node.name} ({lease.node.address}:{lease.port})"
    assert reason_of(run, 1) == (
        f"On {further.node.name} (node rank 1): {where} could not be reached for 30 s: the "
        "connection between the nodes is cut."
    )
    site.network.part(cut=False)
    second = until(
        lambda: Attempt.objects.filter(run=run).exclude(number=1).exclude(started_at=None).first(),
        PATIENCE_S,
    )
    assert second.start_step >= 2
    before = Checkpoint.objects.filter(run=run).count()
    until(lambda: Checkpoint.objects.filter(run=run).count() > before, PATIENCE_S)
    request_stop(run=run, actor="olga")
    until(lambda: state_of(run) == State.STOPPED, PATIENCE_S)
    run.refresh_from_db()
    assert "It was asked to stop." in run.reason
    assert Checkpoint.objects.filter(run=run).latest("step").step == run.last_step
    until(nothing_is_held)
    assert Follower.objects.get(attempt=second).exit_code == 0


def test_a_node_that_does_not_start_its_part_is_named(
    site: Site, start_run: Callable[..., Run]
) -> None:
    further = Node.objects.order_by("pk")[1].name  # the first one leads, all else being equal
    site.workers[further].kill()
    run = start_run(join_s=5)
    until(lambda: reason_of(run, 1), PATIENCE_S)
    assert reason_of(run, 1).startswith(f"Rank 1 (on {further}) did not join within 5 s: ")
    until(nothing_is_held)


@pytest.mark.skipif(not ON_POSTGRESQL, reason="from SQLite, a file, no node can be cut off")
def test_a_node_that_is_cut_off_is_lost_and_the_run_goes_on_when_it_is_back(
    site: Site, start_run: Callable[..., Run]
) -> None:
    run = start_run()
    until(Checkpoint.objects.filter(run=run).exists, PATIENCE_S)
    further = Follower.objects.select_related("node").get(attempt__run=run)
    assert further.node is not None
    name = further.node.name
    site.hold_locked(name, run)
    site.network.unplug(name)
    until(lambda: state_of(run) == State.LOST, PATIENCE_S)
    assert Run.objects.get(pk=run.pk).reason.startswith(f"Nothing was heard from {name} for 3")
    launcher = psutil.Process(Follower.objects.get(pk=further.pk).launcher_pid)
    psutil.wait_procs([launcher], timeout=PATIENCE_S)
    assert not is_alive(launcher.pid, further.launcher_started)
    site.network.plug(name)
    until(lambda: reason_of(run, 1), PATIENCE_S)
    until(lambda: Attempt.objects.filter(run=run, number=2).exclude(started_at=None), PATIENCE_S)
    request_stop(run=run, actor="olga")
    until(lambda: state_of(run) == State.STOPPED, PATIENCE_S)
    until(nothing_is_held)
