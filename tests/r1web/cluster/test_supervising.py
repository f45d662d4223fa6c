"""One process supervises all that a worker launches, and what befalls one attempt stays with it."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.utils import timezone

from r1web.cluster import services
from r1web.cluster.models import Node
from r1web.cluster.services import supervising
from r1web.processes import is_alive
from r1web.runs.models import Attempt, Run, State
from r1web.runs.selectors import run_directory
from tests.r1web.cluster.conftest import database_url, end_processes
from tests.r1web.cluster.test_supervisor import has_started, state_of, steps_of
from tests.r1web.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

MakeRun = Callable[..., Run]
Launch = Callable[[int], list[Run]]


@pytest.fixture
def launch(
    make_run: MakeRun, make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> Launch:
    """Launch so many runs, as a worker does."""
    monkeypatch.setenv("DATABASE_URL", database_url())
    monkeypatch.setenv("FAKE_TRAINER", "pause")

    def start(count: int) -> list[Run]:
        if not Node.objects.exists():
            make_node(slots=3)
        runs = [make_run() for _ in range(count)]
        for attempt in services.schedule():
            assert services.claim(attempt_id=attempt.pk)
            services.start_supervisor(attempt=attempt)
        return runs

    return start


@pytest.fixture(autouse=True)
def _end(home: Path) -> object:
    yield
    end_processes()


def supervisor_of(run: Run) -> tuple[int | None, float | None]:
    return Attempt.objects.values_list("supervisor_pid", "supervisor_started").get(run=run)


def finish(run: Run) -> None:
    until(lambda: has_started(run))
    (run_directory(run) / "go-on").touch()
    until(lambda: state_of(run) == State.FINISHED)
    assert steps_of(run) == [1, 2, 3, 4, 5]


def test_one_process_supervises_all_and_ends_after_its_worker(launch: Launch) -> None:
    runs = launch(3)
    for run in runs:
        until(lambda run=run: has_started(run))
    ((pid, _),) = {supervisor_of(run) for run in runs}
    supervisor, supervising._supervisor = supervising._supervisor, None
    assert supervisor is not None
    assert supervisor.pid == pid
    assert supervisor.stdin is not None
    supervisor.stdin.close()  # as when the worker ends
    for run in runs:
        finish(run)
    assert supervisor.wait(timeout=60) == 0


def test_an_attempt_that_cannot_be_followed_disturbs_no_other(launch: Launch) -> None:
    broken, fine = launch(2)
    for run in (broken, fine):
        until(lambda run=run: has_started(run))
    journal = run_directory(broken) / "events.jsonl"
    aside = journal.rename(journal.with_name("aside"))
    journal.mkdir()
    until(lambda: not is_alive(*supervisor_of(broken)))
    finish(fine)
    journal.rmdir()
    aside.rename(journal)
    assert services.adopt(node=Node.objects.get()) == [Attempt.objects.get(run=broken).pk]
    finish(broken)


def test_after_a_supervisor_was_killed_the_next_one_takes_all_over(launch: Launch) -> None:
    runs = launch(2)
    for run in runs:
        until(lambda run=run: has_started(run))
    pid, _ = supervisor_of(runs[0])
    assert pid is not None
    psutil.Process(pid).kill()
    until(lambda: not is_alive(pid, None))
    assert len(services.adopt(node=Node.objects.get())) == 2
    for run in runs:
        finish(run)
    assert supervisor_of(runs[0]) == (None, None)


def test_one_that_was_asked_to_end_takes_nothing_more(launch: Launch) -> None:
    (first,) = launch(1)
    until(lambda: has_started(first))
    pid, _ = supervisor_of(first)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    until(lambda: not is_alive(pid, None))
    assert state_of(first) == State.QUEUED
    Run.objects.filter(pk=first.pk).update(resume_at=timezone.now() - timedelta(seconds=1))
    (second,) = launch(1)
    finish(second)
