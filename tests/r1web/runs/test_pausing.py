"""A paused run waits until a person lets it go on, whatever else happens."""

from collections.abc import Callable

import pytest

from r1web.accounts.models import User
from r1web.cluster.selectors import queued_runs
from r1web.errors import ConflictError
from r1web.runs.models import Desired, Event, Run, State
from r1web.runs.services import (
    continue_run,
    put_back,
    request_pause,
    request_stop,
    resume_run,
    transition,
)
from tests.r1web.api.test_problems import body_of
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]


def present(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def words_of(run: Run) -> list[str]:
    """The reasons that its stream gives, after the one of its making."""
    return [event.payload["reason"] for event in Event.objects.filter(run=run, type="state")][1:]


def test_a_waiting_run_leaves_the_queue_and_comes_back_to_its_place(
    make_run: MakeRun, owner: User
) -> None:
    run, other = make_run(), make_run()
    since = run.queued_at
    request_pause(run=run, actor=owner)
    request_pause(run=run, actor=owner)
    assert list(queued_runs()) == [other]
    continue_run(run=run, actor=owner)
    assert set(queued_runs()) == {run, other}
    assert words_of(run) == ["Paused by olga.", "Continued by olga."]
    assert present(run).queued_at == since


def test_a_run_under_way_saves_and_waits_outside_of_the_queue(
    make_run: MakeRun, owner: User
) -> None:
    run = make_run(State.RUNNING)
    request_pause(run=run, actor=owner, reason="The cluster is moved.")
    run.refresh_from_db()
    assert (run.state, run.desired) == (State.STOPPING, Desired.QUEUED)
    put_back(run=run, actor="supervisor", attempt=run.attempts.first())  # type: ignore[arg-type]
    assert present(run).state == State.QUEUED
    assert present(run).reason.startswith("The cluster is moved. Continues from the beginning")
    assert not queued_runs().exists()


def test_a_run_that_makes_room_can_be_paused_on_its_way(make_run: MakeRun, owner: User) -> None:
    run = make_run(State.STOPPING, desired=Desired.QUEUED)
    request_pause(run=run, actor=owner)
    put_back(run=run, actor="supervisor", attempt=run.attempts.first())  # type: ignore[arg-type]
    assert not queued_runs().exists()


def test_one_that_is_continued_while_it_saves_waits_for_devices_only(
    make_run: MakeRun, owner: User
) -> None:
    run = make_run(State.RUNNING)
    request_pause(run=run, actor=owner)
    continue_run(run=run, actor=owner)
    put_back(run=run, actor="supervisor", attempt=run.attempts.first())  # type: ignore[arg-type]
    assert list(queued_runs()) == [run]


def test_a_paused_run_can_be_stopped_and_resumed(make_run: MakeRun, owner: User) -> None:
    run = make_run()
    request_pause(run=run, actor=owner)
    request_stop(run=run, actor=owner)
    assert present(run).paused == ""
    resume_run(run=run, actor=owner)
    assert list(queued_runs()) == [run]


def test_one_that_ends_before_it_could_pause_is_not_paused_any_more(
    make_run: MakeRun, owner: User
) -> None:
    run = make_run(State.RUNNING)
    request_pause(run=run, actor=owner)
    transition(run=run, to=State.FINISHED, reason="All steps done.", actor="supervisor")
    assert present(run).paused == ""


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED, State.STOPPED])
def test_what_has_ended_cannot_be_paused(make_run: MakeRun, owner: User, state: State) -> None:
    with pytest.raises(ConflictError, match="nothing to pause"):
        request_pause(run=make_run(state), actor=owner)


def test_what_is_to_stop_cannot_be_paused(make_run: MakeRun, owner: User) -> None:
    run = make_run(State.RUNNING)
    request_stop(run=run, actor=owner)
    with pytest.raises(ConflictError, match="nothing to pause"):
        request_pause(run=run, actor=owner)


def test_programs_pause_and_continue(api: Api, viewer: User, make_run: MakeRun) -> None:
    run = make_run()
    path = f"/runs/{run.pk}"
    body_of(api.post(f"{path}/continue"), 409)
    body_of(caller(viewer).post(f"{path}/pause"), 403)
    paused = api.post(f"{path}/pause", {"reason": "Not before Monday."}).json()  # type: ignore[attr-defined]
    assert (paused["paused"], paused["state"]) == ("Not before Monday.", "queued")
    assert (paused["queue_reason"], paused["permissions"]["pause"]) == ("Not before Monday.", False)
    body_of(caller(viewer).post(f"{path}/continue"), 403)
    continued = api.post(f"{path}/continue").json()  # type: ignore[attr-defined]
    assert (continued["paused"], continued["permissions"]["pause"]) == ("", True)
