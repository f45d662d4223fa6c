"""What starting and stopping the stack means for runs."""

from pathlib import Path

import pytest

from r1web.accounts.models import User
from r1web.accounts.services import ensure_local_operator
from r1web.local import training
from r1web.runs.models import Desired, Run, State
from r1web.runs.services import request_stop, transition

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(tmp_path: Path) -> User:
    return ensure_local_operator(tmp_path / "token")


@pytest.fixture
def run(operator: User) -> Run:
    first = training.submit_first_run(operator)
    assert first is not None
    return first


def move(run: Run, *states: State) -> None:
    for state in states:
        transition(run=run, to=state, reason="", actor="test")


def shut_down(run: Run) -> None:
    """Stop the run as the end of the stack does, and let it end."""
    training.stop_all(patience_s=0)
    run.refresh_from_db()
    move(run, State.STOPPED)


def test_the_first_run_is_the_demonstration(run: Run, operator: User) -> None:
    assert run.preset == training.FIRST_PRESET
    assert run.owner == operator
    assert run.state == State.QUEUED


def test_there_is_only_one_first_run_even_when_it_was_deleted(run: Run, operator: User) -> None:
    Run.objects.update(deleted_at=run.created_at)

    assert training.submit_first_run(operator) is None


def test_the_end_asks_what_works_to_stop_and_leaves_what_waits(run: Run, operator: User) -> None:
    waiting = Run.objects.create(
        project=run.project, owner=operator, name="waits", config={}, digest="", total_steps=1
    )
    move(run, State.STARTING, State.RUNNING)

    assert training.stop_all(patience_s=0) == 1

    run.refresh_from_db()
    waiting.refresh_from_db()
    assert (run.state, run.desired) == (State.STOPPING, Desired.STOPPED)
    assert waiting.state == State.QUEUED


def test_the_end_does_not_wait_when_nothing_works(run: Run) -> None:
    assert training.stop_all(patience_s=3600) == 0
    run.refresh_from_db()
    assert run.state == State.QUEUED


def test_the_next_start_offers_what_the_end_stopped(run: Run) -> None:
    move(run, State.STARTING, State.RUNNING)
    shut_down(run)

    assert training.stopped_by_shutdown() == [run]


def test_what_a_person_stopped_is_not_offered(run: Run, operator: User) -> None:
    move(run, State.STARTING, State.RUNNING)
    request_stop(run=run, actor=operator)
    run.refresh_from_db()
    move(run, State.STOPPED)

    assert training.stopped_by_shutdown() == []


def test_what_a_person_stopped_later_is_not_offered(run: Run, operator: User) -> None:
    move(run, State.STARTING, State.RUNNING)
    shut_down(run)
    training.resume_all([run], operator)
    run.refresh_from_db()
    move(run, State.STARTING, State.RUNNING)
    request_stop(run=run, actor=operator)
    run.refresh_from_db()
    move(run, State.STOPPED)

    assert training.stopped_by_shutdown() == []


def test_resuming_queues_the_runs_again(run: Run, operator: User) -> None:
    move(run, State.STARTING, State.RUNNING)
    shut_down(run)

    assert training.resume_all([run], operator) == [f"{run} goes on."]

    run.refresh_from_db()
    assert (run.state, run.desired) == (State.QUEUED, Desired.RUNNING)


def test_a_run_that_cannot_be_resumed_says_why(run: Run, operator: User) -> None:
    [sentence] = training.resume_all([run], operator)

    assert sentence.startswith(f"{run} was not resumed: ")
