"""Going on by itself: how often, when, from where, and what a person is told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.cluster import services as cluster
from r1web.runs import selectors
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State
from r1web.runs.services import (
    NewEvent,
    append_events,
    put_back,
    request_stop,
    resume_run,
    transition,
)
from r1web.runs.services.resuming import LONGEST_DELAY, delay
from training.config import ResumeConfig

pytestmark = pytest.mark.django_db

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]
CRASH = "The trainer crashed (exit code 1): ValueError."


def begin(run: Run, *, steps: int = 0) -> Attempt:
    """An attempt as the scheduler opens one, which has taken so many steps."""
    start = run.resume_checkpoint
    attempt = Attempt.objects.create(
        run=run,
        number=run.attempts.count() + 1,
        checkpoint=start,
        start_step=start.step if start else 0,
        claimed_at=timezone.now(),
    )
    for state in (State.STARTING, State.RUNNING):
        transition(run=run, to=state, reason="so it goes", actor="test", attempt=attempt)
    events = [NewEvent("metrics", {"values": {}}, step=number) for number in range(1, steps + 1)]
    append_events(run=run, attempt=attempt, items=events)
    return attempt


def end(attempt: Attempt, outcome: State = State.FAILED) -> Run:
    cluster.end_attempt(attempt_id=attempt.pk, outcome=outcome, reason=CRASH)
    return Run.objects.get(pk=attempt.run_id)


def crash(run: Run, *, steps: int = 1) -> Run:
    return end(begin(run, steps=steps))


def told(run: Run) -> list[str]:
    return [event.payload["message"] for event in Event.objects.filter(run=run, type="log")]


def policy(**fields: Any) -> dict[str, Any]:
    return {"overrides": {"resume": fields}}


def test_after_a_crash_it_waits_and_says_why_when_and_from_where(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint
) -> None:
    run = make_run(**policy(times=2, delay_s=60))
    make_checkpoint(run, 50)
    before = timezone.now()
    run = crash(run)
    assert run.resume_at is not None
    assert before + timedelta(seconds=60) <= run.resume_at <= timezone.now() + timedelta(seconds=60)
    clock = f"{run.resume_at:%H:%M:%S} UTC"
    assert run.reason == f"{CRASH} Goes on by itself from step 50 at {clock} (1 of 2)."
    states = list(run.transitions.values_list("to_state", flat=True))
    assert states == ["queued", "starting", "running", "failed", "queued"]
    assert (run.state, run.last_step) == (State.QUEUED, 50)


def test_it_is_not_placed_before_its_time(make_run: MakeRun, make_node: Callable[..., Any]) -> None:
    make_node()
    run = crash(make_run())
    reason = run.reason
    assert cluster.schedule() == []
    run.refresh_from_db()
    assert run.reason == reason
    Run.objects.filter(pk=run.pk).update(resume_at=timezone.now())
    (attempt,) = cluster.schedule()
    assert attempt.run == run


def test_it_goes_on_so_often_and_no_more(make_run: MakeRun) -> None:
    run = make_run(**policy(times=2))
    for _ in range(2):
        run = crash(run)
        assert run.state == State.QUEUED
    run = crash(run)
    assert (run.state, run.reason) == (State.FAILED, CRASH)
    (message,) = told(run)
    assert message.startswith("It has gone on by itself 2 times, as resume.times allows.")


def test_a_person_who_resumes_starts_the_count_anew(make_run: MakeRun, owner: User) -> None:
    run = crash(crash(make_run(**policy(times=1))))
    assert run.state == State.FAILED
    run = resume_run(run=run, actor=owner)
    assert (run.resumes, run.resume_at) == (0, None)
    assert crash(run).state == State.QUEUED


def test_zero_times_is_never_and_nothing_is_said(make_run: MakeRun) -> None:
    run = crash(make_run(**policy(times=0)))
    assert (run.state, told(run)) == (State.FAILED, [])


def test_what_fails_before_its_first_step_is_not_tried_again(make_run: MakeRun) -> None:
    run = crash(make_run(), steps=0)
    assert run.state == State.FAILED
    assert "failed before its first step" in told(run)[0]


def test_a_broken_checkpoint_is_never_taken_twice(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint
) -> None:
    run = make_run()
    good, broken = make_checkpoint(run, 50), make_checkpoint(run, 100)
    run = crash(run)
    assert run.resume_checkpoint == broken
    run = crash(run, steps=0)
    assert (run.resume_checkpoint, run.last_step) == (good, 50)
    (message,) = told(run)
    assert message.startswith("The checkpoint of step 100 is passed over")
    assert "Goes on by itself from step 50" in run.reason
    run = crash(run, steps=0)
    assert run.resume_checkpoint is None
    assert "Goes on by itself from the beginning" in run.reason


def test_a_person_and_who_makes_room_go_on_from_the_newest_good_one_too(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, owner: User
) -> None:
    run = make_run(**policy(times=1))
    good, broken = make_checkpoint(run, 50), make_checkpoint(run, 100)
    run = crash(crash(run), steps=0)
    assert run.state == State.FAILED
    resumed = resume_run(run=run, actor=owner)
    assert resumed.resume_checkpoint == good
    assert resumed.transitions.latest("id").reason == (
        "Resumed from step 50: an attempt from step 100 failed before it had taken a step."
    )
    assert selectors.passed_over(run) == [broken]
    for state in (State.STARTING, State.STOPPING):
        transition(run=run, to=state, reason="It is to make room.", actor="test")
    put_back(run=run, actor="supervisor", attempt=run.attempts.latest("id"))
    assert Run.objects.get(pk=run.pk).resume_checkpoint == good


def test_a_checkpoint_that_led_on_is_taken_again(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint
) -> None:
    run = make_run()
    checkpoint = make_checkpoint(run, 50)
    for _ in range(2):
        run = crash(run, steps=1)
        assert run.resume_checkpoint == checkpoint


@pytest.mark.parametrize("outcome", [State.STOPPED, State.LOST])
def test_what_its_machine_took_goes_on_and_blames_no_checkpoint(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, outcome: State
) -> None:
    run = make_run()
    checkpoint = make_checkpoint(run, 50)
    for count in (1, 2):
        run = end(begin(run), outcome)
        assert (run.state, run.resumes) == (State.QUEUED, count)
        assert run.resume_checkpoint == checkpoint


def test_what_a_person_stopped_stays_stopped(make_run: MakeRun, owner: User) -> None:
    run = make_run()
    attempt = begin(run, steps=1)
    request_stop(run=run, actor=owner)
    assert end(attempt, State.STOPPED).state == State.STOPPED
    waiting = crash(make_run())
    assert request_stop(run=waiting, actor=owner).state == State.STOPPED


@given(st.integers(1, 3600), st.integers(0, 1000))
def test_pauses_grow_up_to_an_hour(seconds: int, earlier: int) -> None:
    config = ResumeConfig(delay_s=seconds)
    pause, next_pause = delay(config, earlier), delay(config, earlier + 1)
    assert timedelta(seconds=seconds) <= pause <= LONGEST_DELAY
    assert next_pause == min(2 * pause, LONGEST_DELAY)
