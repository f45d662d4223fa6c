"""Stop, resume, pause, and make room: what is asked of a run that exists."""

from django.conf import settings
from django.db import transaction

from r1web.accounts.models import User
from r1web.errors import ConflictError, InvalidError
from r1web.live.services import publish_runs
from r1web.runs import selectors
from r1web.runs.models import ACTIVE, ENDED, Attempt, Checkpoint, Desired, Run, State
from r1web.runs.services.transitions import lock, transition, write_down


@transaction.atomic
def request_stop(*, run: Run, actor: User | str, reason: str = "") -> Run:
    """Ask the run to stop: a waiting one has stopped at once, an active one saves and ends.

    Asking again changes nothing. Raises ConflictError when the run has ended.
    """
    run = lock(run)
    if run.state in ENDED:
        raise ConflictError(f"Run {run.pk} has already ended ({run.state}).", code="already_ended")
    if run.desired == Desired.STOPPED:
        return run
    run.desired = Desired.STOPPED
    run.save(update_fields=["desired"])
    if run.state == State.STOPPING:  # to go back into the queue; now it will not
        return run
    why = reason or f"Stopped by {actor}."
    to = State.STOPPED if run.state == State.QUEUED else State.STOPPING
    transition(run=run, to=to, reason=why, actor=str(actor), attempt=selectors.open_attempt(run))
    return run


@transaction.atomic
def request_requeue(*, run: Run, actor: User | str, reason: str) -> bool:
    """Ask an active run to save, give its devices back and wait in the queue again.

    False when it holds none or is to end anyway. It keeps its age in the queue.
    """
    run = lock(run)
    if run.state not in ACTIVE or run.desired != Desired.RUNNING:
        return False
    run.desired = Desired.QUEUED
    run.save(update_fields=["desired"])
    attempt = selectors.open_attempt(run)
    transition(run=run, to=State.STOPPING, reason=reason, actor=str(actor), attempt=attempt)
    return True


@transaction.atomic
def request_pause(*, run: Run, actor: User | str, reason: str = "") -> Run:
    """Have the run wait until a person lets it go on; an active one saves and frees its devices.

    Asking again changes nothing. Raises ConflictError when the run has ended or is to end.
    """
    run = lock(run)
    if run.state in ENDED or run.desired == Desired.STOPPED:
        raise ConflictError(
            f"Run {run.pk} has ended or is about to ({run.state}): there is nothing to pause.",
            code="already_ended",
        )
    if run.paused:
        return run
    run.paused = reason or f"Paused by {actor}."
    run.save(update_fields=["paused"])
    if run.state == State.QUEUED:
        _explain(run, run.paused, actor)
    else:
        request_requeue(run=run, actor=actor, reason=run.paused)
    return run


@transaction.atomic
def continue_run(*, run: Run, actor: User | str) -> Run:
    """Let a paused run go on, from the place in the queue that its age gives it.

    Raises ConflictError when it is not paused.
    """
    run = lock(run)
    if not run.paused:
        raise ConflictError(f"Run {run.pk} is not paused.", code="not_paused")
    run.paused = ""
    run.save(update_fields=["paused"])
    if run.state == State.QUEUED:
        _explain(run, f"Continued by {actor}.", actor)
    transaction.on_commit(lambda: publish_runs([run.pk]))
    return run


@transaction.atomic
def put_back(*, run: Run, actor: str, attempt: Attempt) -> None:
    """Queue a run that has saved and ended because it was asked to make room, or to pause."""
    run = lock(run)
    newest = selectors.newest_checkpoint(run)
    saved = f"from step {newest.step}" if newest else "from the beginning: it had saved nothing"
    reason = f"{run.paused} Continues {saved}." if run.paused else f"Made room; goes on {saved}."
    transition(run=run, to=State.QUEUED, reason=reason, actor=actor, attempt=attempt)
    run.resume_checkpoint = newest
    run.last_step = newest.step if newest else 0
    run.save(update_fields=["resume_checkpoint", "last_step"])


@transaction.atomic
def resume_run(*, run: Run, actor: User | str, checkpoint: Checkpoint | None = None) -> Run:
    """Queue a stopped or failed run again, from `checkpoint` or else from its newest good one.

    Raises ConflictError when the run has not ended or has nothing left to do, and InvalidError when
    the checkpoint is not one of the run's own or its files are gone.
    """
    run = lock(run)
    if run.state not in ENDED:
        raise ConflictError(f"Run {run.pk} is {run.state}: it is not over.", code="not_ended")
    start = checkpoint or selectors.newest_checkpoint(run)
    if checkpoint is not None:
        require_usable(checkpoint)
        if checkpoint.run_id != run.pk:
            raise InvalidError(
                "This checkpoint belongs to another run: fork that run instead.", path="checkpoint"
            )
    if (start.step if start else 0) >= run.total_steps:
        raise ConflictError(
            f"Run {run.pk} has taken all its {run.total_steps} steps: resume it from an earlier "
            "checkpoint, or start a new run from its last one.",
            code="nothing_left",
        )
    run.resume_checkpoint = start
    run.last_step = start.step if start else 0
    run.desired = Desired.RUNNING
    run.resumes, run.resume_at = 0, None
    run.save(
        update_fields=["resume_checkpoint", "last_step", "desired", "resumes", "resume_at"],
    )
    whence = f"from step {start.step}" if start else "from the beginning"
    broken = [] if checkpoint else selectors.passed_over(run)
    if broken:
        whence += f": an attempt from step {broken[0].step} failed before it had taken a step"
    transition(run=run, to=State.QUEUED, reason=f"Resumed {whence}.", actor=str(actor))
    return run


def _explain(run: Run, reason: str, actor: User | str) -> None:
    """Write down why a queued run waits from now on."""
    run.reason, run.reserved_nodes = reason, []
    run.save(update_fields=["reason", "reserved_nodes"])
    write_down(run=run, origin=State.QUEUED, reason=reason, actor=str(actor), attempt=None)


def require_usable(checkpoint: Checkpoint) -> None:
    """Raise InvalidError at the field "checkpoint" when it cannot be started from."""
    directory = settings.R1WEB_RUNS_DIR / checkpoint.run.directory_name / checkpoint.path
    if checkpoint.deleted_at is not None or not directory.is_dir():
        raise InvalidError(
            f"Checkpoint {checkpoint.pk} (step {checkpoint.step} of run {checkpoint.run_id}) was "
            "deleted: choose another one.",
            path="checkpoint",
            code="checkpoint_deleted",
        )
