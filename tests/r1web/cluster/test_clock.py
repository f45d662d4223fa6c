"""The clock is set back by an hour: nothing waits for that hour to pass again.

The real processes have a clock of their own, by libfaketime; what they write down is looked at
here, too, as rows that lie ahead.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from celery.schedules import schedstate
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.beat import Every, steady
from r1web.cluster import queue, services
from r1web.cluster.models import Node
from r1web.cluster.services.reconcile import ELSEWHERE_AFTER, LOST_AFTER
from r1web.runs.models import Attempt, Checkpoint, Run, State, Transition
from r1web.runs.services import create_run
from tests.r1web.cluster.dashboard import BEAT, Service
from tests.r1web.cluster.test_supervisor import AttemptOf, MakeRun, state_of
from tests.r1web.conftest import PRESET
from tests.r1web.waiting import until

HOUR = timedelta(hours=1)


class Clock:
    """What the processes that are started with it take for the time of day."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(timedelta(0))

    def set(self, offset: timedelta) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{offset.total_seconds():+.0f}\n")
        beside.replace(self.file)

    def environment(self) -> dict[str, str]:
        spec = find_spec("libfaketime")
        assert spec is not None
        assert spec.origin is not None
        library = Path(spec.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def works(self) -> bool:
        """Not where the library was made for another kind of machine."""
        self.set(-HOUR)
        ask = [sys.executable, "-c", "import time; print(time.time())"]
        given = subprocess.run(
            ask, env={**os.environ, **self.environment()}, capture_output=True, check=True
        )
        self.set(timedelta(0))
        return float(given.stdout) < (timezone.now() - HOUR / 2).timestamp()


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(tmp_path / "clock")
    if not clock.works():
        pytest.skip("libfaketime does not work on this machine")
    for name, value in clock.environment().items():
        monkeypatch.setenv(name, value)
    return clock


@pytest.fixture
def beat(clock: Clock, home: Path, redis_url: str) -> Iterator[Callable[[], None]]:
    started: list[Service] = []
    words = [*BEAT, "--schedule", str(home / "beat")]
    yield lambda: started.append(Service(words, home / "beat.log"))
    for service in started:
        service.kill()


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_a_run_goes_on_after_its_pause_by_whatever_clock(
    clock: Clock,
    beat: Callable[[], None],
    start_worker: Callable[[], "subprocess.Popen[bytes]"],
    owner: User,
    project: Project,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_TRAINER", "saves-dies")
    start_worker()
    until(Node.objects.exists)
    # Nobody but beat asks the scheduler to look.
    monkeypatch.setattr(queue, "send", lambda *_, **__: None)
    config = {"resume": {"delay_s": 5}}
    run = create_run(owner=owner, project=project, preset=PRESET, name="x", overrides=config)
    beat()
    until(lambda: run.attempts.filter(outcome=State.FAILED).exists())
    clock.set(-HOUR)
    second = until(lambda: run.attempts.filter(number=2, claimed_at__isnull=False).first())
    assert second.claimed_at < timezone.now() - HOUR / 2
    assert (
        second.start_step == Checkpoint.objects.filter(run=run, attempt__number=1).latest("id").step
    )


def test_beats_file_may_lie_ahead() -> None:
    assert Every(2).is_due(steady() + HOUR) == schedstate(is_due=True, next=2)
    assert not Every(2).is_due(steady()).is_due
    assert Every(2).is_due(steady() - timedelta(seconds=2)).is_due


@pytest.fixture
def attempt(db: None, make_run: MakeRun, attempt_of: AttemptOf) -> Attempt:
    """One whose every note lies an hour ahead, as after the clock was set back."""
    attempt = attempt_of(make_run())
    services.heard(attempt_ids=[attempt.pk])
    Node.objects.update(heartbeat_at=timezone.now() + HOUR)
    Transition.objects.update(at=timezone.now() + HOUR)
    soon = timezone.now() + HOUR
    Attempt.objects.update(heartbeat_at=soon, claimed_at=soon)
    services.reconcile()
    attempt.refresh_from_db()
    return attempt


def pass_time(by: timedelta) -> None:
    """As if what was noted by the clock as it is now had been noted that much earlier."""
    for attempt in Attempt.objects.filter(heartbeat_at__lt=timezone.now()):
        attempt.heartbeat_at -= by
        attempt.save()


def test_signs_that_lie_ahead_count_from_now(attempt: Attempt) -> None:
    assert attempt.node is not None
    for noted in (attempt.heartbeat_at, attempt.claimed_at, attempt.node.heartbeat_at):
        assert timedelta(0) <= timezone.now() - noted < HOUR


def test_silence_is_noticed_as_soon_as_ever(attempt: Attempt) -> None:
    pass_time(LOST_AFTER + timedelta(seconds=1))
    services.reconcile()
    assert state_of(attempt.run) == State.LOST
    Transition.objects.filter(to_state=State.LOST).update(at=timezone.now() + HOUR)
    pass_time(ELSEWHERE_AFTER)
    services.reconcile()
    assert state_of(attempt.run) == State.QUEUED


def test_a_launch_that_got_lost_before_is_sent_again(
    db: None, make_run: MakeRun, make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    run = make_run()
    make_node()
    (attempt,) = services.schedule()
    Transition.objects.filter(run=run).update(at=timezone.now() + HOUR)
    monkeypatch.setattr(queue, "launch", lambda attempt_id, _: sent.append(attempt_id))
    services.reconcile()
    assert sent == [attempt.pk]


def test_a_pause_is_no_longer_than_it_was_to_be(db: None, make_run: MakeRun) -> None:
    run = make_run(overrides={"resume": {"delay_s": 60}}, resumes=2)
    Run.objects.update(resume_at=timezone.now() + HOUR)
    services.reconcile()
    run.refresh_from_db()
    left = run.resume_at - timezone.now()
    assert left <= timedelta(seconds=120)
    services.reconcile()
    assert Run.objects.get(pk=run.pk).resume_at == run.resume_at
