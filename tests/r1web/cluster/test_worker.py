"""A real worker, a real Redis: the path of a run and of an alert, and what a killed one leaves."""

import subprocess
from collections.abc import Callable

import pytest

from r1web.accounts.models import Project, User
from r1web.alerts.models import Delivery, Target
from r1web.cluster.models import Node
from r1web.runs.models import Attempt, State
from r1web.runs.services import create_run, request_stop, transition
from tests.r1web.cluster.test_supervisor import has_started, state_of
from tests.r1web.conftest import PRESET
from tests.r1web.receiver import receiving
from tests.r1web.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


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


def test_an_alert_is_sent_by_a_worker(
    owner: User,
    project: Project,
    start_worker: Callable[[], "subprocess.Popen[bytes]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("R1WEB_WEBHOOK_LOOPBACK", "1")
    with receiving() as receiver:
        Target.objects.create(project=project, name="t", kind="slack", address=receiver.url)
        run = create_run(owner=owner, project=project, preset=PRESET, name="x", overrides={})
        transition(run=run, to=State.FAILED, reason="It broke.", actor="test")
        start_worker()
        until(lambda: receiver.requests)
    until(lambda: Delivery.objects.get().status == "sent")
