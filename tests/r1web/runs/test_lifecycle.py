"""A run's states: which way leads where, and that each change is written down and told."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import close_old_connections, connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.errors import ConflictError, InvalidError
from r1web.runs.models import ENDED, Checkpoint, Desired, Event, Run, State, Transition
from r1web.runs.services import (
    ALLOWED,
    NewEvent,
    append_events,
    clone_run,
    edit_run,
    fork_run,
    record_progress,
    request_stop,
    resume_run,
    transition,
)

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]


@pytest.mark.parametrize("origin", list(State))
@pytest.mark.parametrize("to", list(State))
def test_only_the_ways_of_the_graph_are_open(make_run: MakeRun, origin: State, to: State) -> None:
    run = make_run(origin)
    before = Transition.objects.count(), Event.objects.count(), run.last_seq
    if to in ALLOWED[origin]:
        written = transition(run=run, to=to, reason="why", actor="test")
        assert (written.from_state, written.to_state, written.reason) == (origin, to, "why")
        event = Event.objects.filter(run=run, type="state").latest("seq")
        assert run.last_seq == Event.objects.filter(run=run).latest("seq").seq
        assert event.payload == {"from": origin, "to": to, "reason": "why", "actor": "test"}
    else:
        with pytest.raises(ConflictError, match=f"is {origin}"):
            transition(run=run, to=to, reason="why", actor="test")
        assert (Transition.objects.count(), Event.objects.count(), run.last_seq) == before
    assert Run.objects.get().state == run.state


def test_times_follow_the_states(make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    assert run.started_at is not None
    assert run.ended_at is None
    transition(run=run, to=State.FAILED, reason="exit code 3", actor="supervisor")
    assert run.ended_at is not None
    started, queued = run.started_at, run.queued_at
    transition(run=run, to=State.QUEUED, reason="again", actor="test")
    assert run.ended_at is None
    assert run.queued_at > queued
    assert run.started_at == started


def test_a_stale_copy_cannot_change_what_has_moved_on(make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    stale = Run.objects.get(pk=run.pk)
    transition(run=run, to=State.FINISHED, reason="done", actor="test")
    with pytest.raises(ConflictError):
        transition(run=stale, to=State.LOST, reason="silence", actor="test")
    assert Run.objects.get().state == State.FINISHED


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.lists(st.integers(0, 5), max_size=6))
def test_events_are_numbered_without_holes(make_run: MakeRun, sizes: list[int]) -> None:
    run = make_run()
    for size in sizes:
        items = [NewEvent("log", {"place": place}) for place in range(size)]
        events = append_events(run=Run.objects.get(pk=run.pk), attempt=None, items=items)
        assert [event.payload["place"] for event in events] == list(range(size))
    numbers = list(Event.objects.filter(run=run).values_list("seq", flat=True))
    assert numbers == list(range(1, 2 + sum(sizes)))
    assert Run.objects.get(pk=run.pk).last_seq == numbers[-1]


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_leave_no_hole(make_run: MakeRun) -> None:
    run = make_run()
    start = threading.Barrier(4)

    def write() -> None:
        start.wait()
        for _ in range(5):
            append_events(run=run, attempt=None, items=[NewEvent("log", {}), NewEvent("log", {})])
        connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    numbers = list(Event.objects.filter(run=run).values_list("seq", flat=True))
    assert numbers == list(range(1, 42))


def test_watchers_are_told_once_it_is_committed(
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    run = make_run()
    told: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(
        "r1web.runs.services.events.publish",
        lambda run, events: told.append((run.pk, [event.seq for event in events])),
    )
    with django_capture_on_commit_callbacks(execute=True):
        append_events(run=run, attempt=None, items=[NewEvent("log", {}), NewEvent("log", {})])
        assert told == []
    assert told == [(run.pk, [2, 3])]


def test_a_waiting_run_stops_at_once(make_run: MakeRun, owner: User) -> None:
    run = request_stop(run=make_run(), actor=owner, reason="not needed")
    assert (run.state, run.desired, run.reason) == (State.STOPPED, Desired.STOPPED, "not needed")
    assert Transition.objects.latest("id").actor == "olga"


@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING, State.LOST])
def test_an_active_run_is_asked_to_stop_and_asked_only_once(
    make_run: MakeRun, owner: User, state: State
) -> None:
    run = make_run(state)
    request_stop(run=run, actor=owner)
    written = Transition.objects.count()
    again = request_stop(run=run, actor=owner)
    assert (again.state, again.desired) == (State.STOPPING, Desired.STOPPED)
    assert Transition.objects.count() == written


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_cannot_be_stopped(make_run: MakeRun, owner: User, state: State) -> None:
    with pytest.raises(ConflictError, match="already ended"):
        request_stop(run=make_run(state), actor=owner)


def test_a_run_resumes_from_its_newest_checkpoint(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, owner: User
) -> None:
    run = make_run(State.STOPPED, last_step=120, desired=Desired.STOPPED)
    make_checkpoint(run, 50)
    newest = make_checkpoint(run, 100)
    run = resume_run(run=run, actor=owner)
    assert (run.state, run.desired) == (State.QUEUED, Desired.RUNNING)
    assert run.resume_checkpoint == newest
    assert run.last_step == 100
    assert run.reason == "Resumed from step 100."


def test_a_run_without_a_checkpoint_resumes_from_the_beginning(
    make_run: MakeRun, owner: User
) -> None:
    run = resume_run(run=make_run(State.FAILED), actor=owner)
    assert run.resume_checkpoint is None
    assert run.reason == "Resumed from the beginning."


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_only_what_has_ended_can_be_resumed(make_run: MakeRun, owner: User, state: State) -> None:
    with pytest.raises(ConflictError, match="not over"):
        resume_run(run=make_run(state), actor=owner)


def test_a_run_that_has_taken_all_its_steps_resumes_only_from_an_earlier_one(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, owner: User
) -> None:
    run = make_run(State.FINISHED, overrides={"grpo": {"steps": 100}})
    early = make_checkpoint(run, 50)
    make_checkpoint(run, 100)
    with pytest.raises(ConflictError, match="all its 100 steps"):
        resume_run(run=run, actor=owner)
    assert resume_run(run=run, actor=owner, checkpoint=early).resume_checkpoint == early


def test_a_checkpoint_must_be_the_runs_own_and_on_disk(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, owner: User, runs_dir: Path
) -> None:
    run, other = make_run(State.STOPPED), make_run(State.STOPPED)
    with pytest.raises(InvalidError, match="another run"):
        resume_run(run=run, actor=owner, checkpoint=make_checkpoint(other))
    gone = make_checkpoint(run)
    (runs_dir / run.directory_name / gone.path).rmdir()
    with pytest.raises(InvalidError, match="was deleted") as raised:
        resume_run(run=run, actor=owner, checkpoint=gone)
    assert raised.value.errors[0].path == "checkpoint"
    assert Run.objects.get(pk=run.pk).state == State.STOPPED


def test_a_fork_starts_from_the_checkpoint_under_the_new_settings(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, member: User, runs_dir: Path
) -> None:
    parent = make_run(State.RUNNING, overrides={"grpo": {"group_size": 4}}, tags=["a"])
    checkpoint = make_checkpoint(parent, 50)
    fork = fork_run(run=parent, actor=member, name="fork", overrides={"grpo": {"steps": 10}})
    assert (fork.parent, fork.parent_step, fork.start_checkpoint) == (parent, 50, checkpoint)
    assert fork.config["grpo"]["group_size"] == 4
    assert fork.config["grpo"]["steps"] == fork.total_steps == 10
    directory = runs_dir / parent.directory_name / checkpoint.path
    assert fork.config["model"]["path"] == str(directory)
    assert (fork.owner, fork.project, fork.state) == (member, parent.project, State.QUEUED)


def test_without_a_checkpoint_there_is_nothing_to_fork(make_run: MakeRun, owner: User) -> None:
    run = make_run(State.RUNNING)
    with pytest.raises(ConflictError, match="no checkpoint yet"):
        fork_run(run=run, actor=owner, name="fork", overrides={})
    assert Run.objects.count() == 1


def test_a_clone_has_the_same_config(
    make_run: MakeRun, make_checkpoint: MakeCheckpoint, owner: User
) -> None:
    first = make_run(State.FINISHED, overrides={"grpo": {"group_size": 4}, "seed": 3})
    again = clone_run(run=first, actor=owner)
    assert (again.digest, again.overrides, again.config) == (
        first.digest,
        first.overrides,
        first.config,
    )
    make_checkpoint(first)
    fork = fork_run(run=first, actor=owner, name="fork", overrides={})
    assert clone_run(run=fork, actor=owner).digest == fork.digest


def test_name_tags_and_priority_can_change_and_nothing_else(make_run: MakeRun) -> None:
    run = make_run()
    edited = edit_run(run=run, name="  new  ", tags=["b", "a", "b"], priority=5)
    assert (edited.name, edited.tags, edited.priority) == ("new", ["b", "a"], 5)
    with pytest.raises(InvalidError) as raised:
        edit_run(run=run, name="other", priority=1001)
    assert raised.value.errors[0].path == "priority"
    assert Run.objects.get().name == "new"


def test_the_newest_numbers_are_kept_and_the_sparkline_is_short(make_run: MakeRun) -> None:
    run = make_run()
    for step in range(1, 100):
        values = {"reward/mean": step / 100, "kl/mean": 0.5}
        record_progress(run=run, told=[(step, values)])
    record_progress(run=run, told=[(100, {"kl/mean": float("nan")})])
    run.save()
    stored = Run.objects.get()
    assert stored.last_step == 100
    assert stored.summary["kl/mean"] is None
    assert stored.summary["reward/mean"] == 0.99
    assert stored.summary["sparkline"] == [step / 100 for step in range(40, 100)]


def test_sqlite_waits_for_its_writers_and_keeps_a_write_ahead_log(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("this is about SQLite")
    with connection.cursor() as cursor:
        found = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "busy_timeout", "synchronous")
        ]
    assert found == ["wal", 20000, 1]
