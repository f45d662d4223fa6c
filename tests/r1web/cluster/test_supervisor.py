"""Real supervisors and real trainer processes: how runs end, well and badly."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from django.db.models import Sum

from r1web.cluster import services
from r1web.cluster.journal import compress_journal
from r1web.cluster.models import Lease
from r1web.cluster.supervisor.process import RECORD
from r1web.processes import is_alive
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State
from r1web.runs.selectors import run_directory
from r1web.runs.services import (
    continue_run,
    edit_run,
    request_pause,
    request_stop,
    resume_run,
)
from tests.r1web.cluster.conftest import Started
from tests.r1web.cluster.fake_trainer import STEPS
from tests.r1web.points import points_of
from tests.r1web.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

MakeRun = Callable[..., Run]
Supervise = Callable[..., Started]
AttemptOf = Callable[[Run], Attempt]

NEVER_AGAIN = {"overrides": {"resume": {"times": 0}}}
"""What makes a run stay as it has ended."""


def state_of(run: Run) -> str:
    return Run.objects.get(pk=run.pk).state


def steps_of(run: Run, name: str = "reward/mean") -> list[int]:
    return sorted(step for step, _ in points_of(run, name))


def warnings_of(run: Run) -> list[str]:
    logs = Event.objects.filter(run=run, type="log", payload__level="warning")
    return [event.payload["message"] for event in logs]


def has_started(run: Run) -> bool:
    """The trainer is up and its first step is in the database."""
    return bool(steps_of(run))


def test_a_run_is_followed_from_start_to_end(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    attempt = supervise(attempt_of(run)).wait()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.FINISHED, f"All {STEPS} steps done.")
    assert (attempt.outcome, attempt.exit_code) == ("finished", 0)
    assert run.last_step == STEPS
    assert run.summary["sparkline"] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert steps_of(run) == [1, 2, 3, 4, 5]
    assert run.groups.aggregate(sum=Sum("size"))["sum"] == 2 * STEPS
    assert Checkpoint.objects.get(run=run).step == STEPS
    states = run.transitions.values_list("to_state", flat=True)
    assert list(states) == ["queued", "starting", "running", "finished"]
    seqs = list(run.events.values_list("seq", flat=True))
    assert seqs == list(range(1, run.last_seq + 1))
    assert not Lease.objects.filter(released_at=None).exists()


@pytest.mark.parametrize(
    ("story", "code", "sentence"),
    [
        ("exit3", 3, "The trainer ended without a word (exit code 3)."),
        ("memory", 1, "The trainer ran out of memory (exit code 1): MemoryError."),
        ("killed", -9, "The trainer ended without a word (killed by SIGKILL)."),
    ],
)
def test_a_crash_is_explained_in_a_sentence(
    make_run: MakeRun,
    attempt_of: AttemptOf,
    supervise: Supervise,
    *,
    story: str,
    code: int,
    sentence: str,
) -> None:
    run = make_run(**NEVER_AGAIN)
    attempt = supervise(attempt_of(run), story).wait()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.FAILED, sentence)
    assert attempt.exit_code == code
    assert not Lease.objects.filter(released_at=None).exists()


def test_the_last_log_lines_are_kept_with_the_reason(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    attempt = supervise(attempt_of(run), "exit3").wait()
    assert attempt.reason.endswith("something went wrong")
    shown = Event.objects.get(run=run, type="log", payload__level="error")
    assert shown.payload["message"] == "something went wrong"


def test_torn_and_garbled_lines_lose_nothing_else(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run(**NEVER_AGAIN)
    supervise(attempt_of(run), "torn").wait()
    assert state_of(run) == State.FAILED
    assert steps_of(run) == [1, 2]
    garbled, torn = warnings_of(run)
    assert "not json at all" in garbled
    assert "ends within a line" in torn


def test_stopping_saves_and_resuming_goes_on_in_the_same_journal(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    request_stop(run=run, actor="olga")
    first = started.wait()
    assert (state_of(run), first.reason) == (State.STOPPED, "Stopped at step 1.")
    run.refresh_from_db()
    resume_run(run=run, actor="olga")
    second = attempt_of(run)
    assert (second.start_step, second.journal_seq) == (1, first.journal_seq)
    assert compress_journal(started.folder)
    supervise(second, "finish").wait()
    assert state_of(run) == State.FINISHED
    assert steps_of(run) == [1, 2, 3, 4, 5]
    assert warnings_of(run) == []


def test_a_run_makes_room_for_a_higher_priority_and_goes_on_where_it_saved(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    patient = make_run(preemptible=True)
    first = supervise(attempt_of(patient), "wait")
    assert until(lambda: has_started(patient))
    urgent = make_run()
    assert services.schedule() == []
    edit_run(run=urgent, priority=1)
    services.schedule()
    assert state_of(patient) == State.STOPPING
    assert Run.objects.get(pk=urgent.pk).reason == (
        "First in line: runs of lower priority make room for it on laptop."
    )
    first.wait()
    patient.refresh_from_db()
    assert (patient.state, patient.reason) == (State.QUEUED, "Made room; goes on from step 1.")
    (attempt,) = services.schedule()
    assert attempt.run == urgent
    services.claim(attempt_id=attempt.pk)
    supervise(attempt).wait()
    second = supervise(attempt_of(patient)).wait()
    assert (second.number, second.start_step) == (2, 1)
    assert state_of(patient) == State.FINISHED
    assert steps_of(patient) == [1, 2, 3, 4, 5]


def test_a_paused_run_goes_on_where_it_saved_once_a_person_says_so(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    first = supervise(attempt_of(run), "wait")
    assert until(lambda: has_started(run))
    request_pause(run=run, actor="olga")
    first.wait()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.QUEUED, "Paused by olga. Continues from step 1.")
    assert not Lease.objects.filter(released_at=None).exists()
    assert services.schedule() == []
    continue_run(run=run, actor="olga")
    second = supervise(attempt_of(run)).wait()
    assert (second.number, second.start_step) == (2, 1)
    assert state_of(run) == State.FINISHED


def test_a_trainer_that_does_not_stop_is_killed_after_the_grace(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "stubborn")
    until(lambda: has_started(run))
    request_stop(run=run, actor="olga")
    attempt = started.wait()
    assert state_of(run) == State.STOPPED
    assert "did not save within 2 s and was killed" in attempt.reason
    assert attempt.exit_code == -signal.SIGKILL


def test_a_run_stopped_before_its_trainer_starts_never_starts_one(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    request_stop(run=run, actor="olga")
    started = supervise(attempt)
    assert started.wait().reason == "Stopped before the trainer started."
    assert state_of(run) == State.STOPPED
    assert not (started.folder / "events.jsonl").exists()


def test_nothing_of_the_group_is_left(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "leaves-child")
    started.wait()
    assert not is_alive(int((started.folder / "child.pid").read_text()), None)


def test_a_trainer_killed_from_outside_is_named(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run(**NEVER_AGAIN)
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    started.launcher().kill()
    assert "killed by SIGKILL" in started.wait().reason
    assert (state_of(run), steps_of(run)) == (State.FAILED, [1])


def test_when_the_supervisor_dies_the_next_one_takes_the_trainer_over(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    launcher = started.launcher()
    started.process.kill()
    started.process.wait()
    adopted = services.adopt(node=started.attempt.node)
    assert adopted == [started.attempt.pk]
    until(lambda: Attempt.objects.get(pk=started.attempt.pk).supervisor_pid)
    assert launcher.is_running()
    assert services.adopt(node=started.attempt.node) == []
    request_stop(run=run, actor="olga")
    until(lambda: state_of(run) == State.STOPPED)
    attempt = Attempt.objects.get(pk=started.attempt.pk)
    assert (attempt.reason, attempt.launcher_pid) == ("Stopped at step 1.", launcher.pid)
    assert warnings_of(run) == []


def test_what_happened_while_nobody_watched_is_reported(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run(**NEVER_AGAIN)
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    launcher = started.launcher()
    started.process.kill()
    started.process.wait()
    os.killpg(launcher.pid, signal.SIGTERM)
    until(lambda: not is_alive(launcher.pid, None))
    assert services.adopt(node=started.attempt.node) == [started.attempt.pk]
    until(lambda: state_of(run) == State.STOPPED)
    assert Checkpoint.objects.get(run=run).step == 1


def test_a_second_supervisor_leaves_the_run_to_the_first(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    first = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    second = supervise(first.attempt, "wait")
    second.wait()
    assert "has a supervisor already" in second.log()
    assert first.process.poll() is None
    request_stop(run=run, actor="olga")
    assert first.wait().reason == "Stopped at step 1."
    assert Event.objects.filter(run=run, type="started").count() == 1


def test_the_trainer_gets_none_of_the_dashboards_secrets(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R1WEB_SECRET_KEY", "not for the trainer, not for the trainer")
    run = make_run()
    started = supervise(attempt_of(run), "wait")
    until(lambda: has_started(run))
    given = Path(f"/proc/{started.launcher().pid}/environ").read_text()
    assert "not for the trainer" not in given
    assert "DATABASE_URL" not in given
    assert "DS_ACCELERATOR=cpu" in given
    request_stop(run=run, actor="olga")
    started.wait()


def test_a_trainer_that_could_not_be_found_again_is_not_left_running(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    folder = run_directory(run)
    folder.mkdir(parents=True)
    (folder / RECORD).symlink_to("missing/record")  # cannot be written, as on a full disk
    started = supervise(attempt, "wait")
    assert started.wait().reason.startswith("The trainer could not be started: ")
    assert state_of(run) == State.FAILED
    ours = [process for process in psutil.process_iter(["cmdline"]) if names(process, folder)]
    assert ours == []


def names(process: psutil.Process, folder: Path) -> bool:
    return str(folder) in (process.info["cmdline"] or [])


def test_processes_leave_no_zombies_that_look_alive() -> None:
    child = psutil.Popen(["true"])
    until(lambda: child.status() == psutil.STATUS_ZOMBIE)
    assert not is_alive(child.pid, child.create_time())
    child.wait()
