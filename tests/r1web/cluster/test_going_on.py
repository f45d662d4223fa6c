"""Real supervisors and trainers: a run goes on by itself after what befell it."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from r1web.cluster import services
from r1web.cluster.models import Lease
from r1web.cluster.services.reconcile import ELSEWHERE_AFTER, GIVEN_UP_AFTER, LOST_AFTER
from r1web.processes import is_alive
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State, Transition
from r1web.runs.services import request_stop
from tests.r1web.cluster.conftest import Started
from tests.r1web.cluster.fake_trainer import STEPS
from tests.r1web.cluster.test_supervisor import (
    AttemptOf,
    MakeRun,
    Supervise,
    has_started,
    state_of,
    steps_of,
    warnings_of,
)
from tests.r1web.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def next_attempt(attempt_of: AttemptOf) -> Callable[[Run], Attempt]:
    """The attempt that its policy has planned, its pause over."""

    def come(run: Run) -> Attempt:
        run.refresh_from_db()
        assert (run.state, run.resume_at is None) == (State.QUEUED, False), run.reason
        Run.objects.filter(pk=run.pk).update(resume_at=timezone.now())
        return attempt_of(run)

    return come


NextAttempt = Callable[[Run], Attempt]


def assert_every_event_came_once(run: Run) -> None:
    """As many events as the journal has lines, besides those that the dashboard adds."""
    run.refresh_from_db()
    seqs = list(run.events.values_list("seq", flat=True))
    assert seqs == list(range(1, run.last_seq + 1))
    assert not [text for text in warnings_of(run) if "Journal line" in text]


def test_a_segfault_costs_no_more_than_the_steps_since_the_checkpoint(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, next_attempt: NextAttempt
) -> None:
    run = make_run()
    supervise(attempt_of(run), "saves-dies").wait()
    run.refresh_from_db()
    assert "killed by SIGSEGV" in run.reason
    assert "Goes on by itself from step 2 at" in run.reason
    second = next_attempt(run)
    assert second.start_step == 2
    supervise(second, "finish").wait()
    assert (state_of(run), steps_of(run)) == (State.FINISHED, [1, 2, 3, 4, 5])
    assert_every_event_came_once(run)
    assert not Lease.objects.filter(released_at=None).exists()


def test_a_damaged_checkpoint_is_left_for_the_one_before(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, next_attempt: NextAttempt
) -> None:
    run = make_run()
    supervise(attempt_of(run), "saves-dies").wait()
    supervise(next_attempt(run), "cannot-load").wait()
    assert "The checkpoint of step 2 is passed over" in warnings_of(run)[-1]
    third = next_attempt(run)
    assert third.start_step == 1
    supervise(third, "finish").wait()
    assert (state_of(run), run.attempts.count()) == (State.FINISHED, 3)
    assert_every_event_came_once(run)


def test_a_supervisor_whose_machine_goes_away_lets_the_trainer_save(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, next_attempt: NextAttempt
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    started.process.terminate()
    assert started.wait().outcome == State.STOPPED
    run.refresh_from_db()
    assert run.reason.startswith("Stopped from outside r1web")
    assert Checkpoint.objects.get(run=run).step == 1
    supervise(next_attempt(run), "finish").wait()
    assert (state_of(run), steps_of(run)) == (State.FINISHED, [1, 2, 3, 4, 5])


def test_after_a_reboot_the_node_tells_what_ended_and_the_run_goes_on(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, next_attempt: NextAttempt
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    launcher = started.launcher()
    started.process.kill()
    started.process.wait()
    os.killpg(launcher.pid, signal.SIGKILL)
    until(lambda: not is_alive(launcher.pid, None))
    services.adopt(node=started.attempt.node)
    until(lambda: state_of(run) == State.QUEUED)
    run.refresh_from_db()
    assert run.reason.startswith("The trainer ended without finishing its journal")
    supervise(next_attempt(run), "finish").wait()
    assert (state_of(run), steps_of(run)) == (State.FINISHED, [1, 1, 2, 3, 4, 5])
    assert_every_event_came_once(run)


def grow_old(started: Started, by: timedelta) -> None:
    """As if the last sign and the mark `lost` had been so long ago."""
    Attempt.objects.filter(pk=started.attempt.pk).update(heartbeat_at=timezone.now() - by)
    for mark in Transition.objects.filter(run=started.attempt.run, to_state=State.LOST):
        Transition.objects.filter(pk=mark.pk).update(at=mark.at - by)


def give_up(started: Started) -> None:
    """The node has gone silent for good, as far as anybody can see."""
    grow_old(started, LOST_AFTER + timedelta(seconds=1))
    services.reconcile()
    grow_old(started, ELSEWHERE_AFTER + timedelta(seconds=1))
    services.reconcile()


def test_a_run_of_a_lost_node_goes_on_and_its_old_trainer_is_ended(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, next_attempt: NextAttempt
) -> None:
    run = make_run()
    first = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    launcher = first.launcher()
    first.process.kill()
    first.process.wait()
    give_up(first)
    run.refresh_from_db()
    assert run.reason.startswith("Nothing was heard from laptop for 301 s. Goes on by itself")
    assert launcher.is_running()
    supervise(next_attempt(run), "finish").wait()
    assert not is_alive(launcher.pid, None)
    assert (state_of(run), steps_of(run)) == (State.FINISHED, [1, 1, 2, 3, 4, 5])
    assert_every_event_came_once(run)


def test_what_a_given_up_trainer_still_wrote_stays_its_own_attempts(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, next_attempt: NextAttempt
) -> None:
    run = make_run()
    first = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    first.process.kill()
    first.process.wait()
    launcher = first.launcher()
    give_up(first)
    os.killpg(launcher.pid, signal.SIGTERM)
    until(lambda: not is_alive(launcher.pid, None))
    supervise(next_attempt(run), "finish").wait()
    assert state_of(run) == State.FINISHED
    last_words = Event.objects.filter(run=run, type="finished").order_by("seq")
    assert [(word.attempt.number, word.payload["outcome"]) for word in last_words] == [
        (1, "stopped"),
        (2, "finished"),
    ]
    assert_every_event_came_once(run)
    assert run.last_step == STEPS


def test_a_lost_run_that_may_not_go_on_by_itself_stays_lost(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run(overrides={"resume": {"times": 0}})
    first = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    first.process.kill()
    first.process.wait()
    give_up(first)
    assert state_of(run) == State.LOST


def stop_unheard(started: Started, run: Run) -> None:
    """It is to stop, and counts as stopped, since its node is silent."""
    started.process.kill()
    started.process.wait()
    request_stop(run=run, actor="olga")
    grow_old(started, GIVEN_UP_AFTER + timedelta(seconds=1))
    services.reconcile()
    assert state_of(run) == State.STOPPED


def settle(started: Started) -> None:
    """The node is back."""
    assert services.settle(node=started.attempt.node) == [started.attempt.pk]
    mine = Attempt.objects.filter(pk=started.attempt.pk)
    until(lambda: mine.filter(supervisor_pid__isnull=False).exists())
    until(lambda: mine.filter(supervisor_pid=None).exists())
    assert services.settle(node=started.attempt.node) == []


def test_what_a_run_did_after_it_was_given_up_is_read_when_its_node_is_back(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    launcher = started.launcher()
    stop_unheard(started, run)
    (started.folder / "go-on").touch()
    until(lambda: not is_alive(launcher.pid, None))
    settle(started)
    assert (state_of(run), steps_of(run)) == (State.FINISHED, [1, 2, 3, 4, 5])
    assert_every_event_came_once(run)


def test_a_trainer_that_outlived_its_run_is_ended_when_its_node_is_back(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    launcher = started.launcher()
    stop_unheard(started, run)
    settle(started)
    assert not is_alive(launcher.pid, None)
    assert (state_of(run), Checkpoint.objects.get(run=run).step) == (State.STOPPED, 1)
    assert_every_event_came_once(run)
