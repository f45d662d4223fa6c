"""An attempt from claim to end."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from r1web.cluster import queue
from r1web.cluster.models import Job
from r1web.cluster.services.followers import end_unclaimed, is_silent, release
from r1web.runs.models import ENDED, Attempt, Desired, Run, State
from r1web.runs.services import lock, lock_attempt, put_back, resume_by_itself, transition

ACTOR = "supervisor"
TAKEN_AWAY = "Stopped from outside r1web, as when its machine is taken away."


def claim(*, attempt_id: int) -> bool:
    """Take an attempt for launching; of two claims only one succeeds."""
    unclaimed = Attempt.objects.filter(pk=attempt_id, claimed_at=None, ended_at=None)
    return unclaimed.update(claimed_at=timezone.now()) == 1


def of_rank(name: str, node_rank: int) -> str:
    """A file's name on a further node, all of which share the run's folder: trainer-1.log."""
    stem, _, suffix = name.partition(".")
    return f"{stem}-{node_rank}.{suffix}" if node_rank else name


@transaction.atomic
def heard(*, attempt_ids: Sequence[int]) -> None:
    """The supervisor is there: note the time, and take runs back from `lost`, once all are."""
    Attempt.objects.filter(pk__in=attempt_ids).update(heartbeat_at=timezone.now())
    lost = Attempt.objects.filter(pk__in=attempt_ids, ended_at=None, run__state=State.LOST)
    for attempt in lost.select_related("run"):
        if not is_silent(attempt):
            transition(
                run=attempt.run,
                to=_state_before(attempt),
                reason="The supervisor was heard again.",
                actor=ACTOR,
                attempt=attempt,
            )


def _state_before(attempt: Attempt) -> State:
    if attempt.run.desired != Desired.RUNNING:
        return State.STOPPING
    return State.STARTING if attempt.started_at is None else State.RUNNING


@transaction.atomic
def end_attempt(
    *, attempt_id: int, outcome: State, reason: str, detail: str = "", exit_code: int | None = None
) -> bool:
    """Close the attempt, give its devices back and move the run on. False when it was closed.

    `outcome` is a state that a run ends in, LOST when its node does not come back, or QUEUED to
    try again at once; `detail` (the last lines of the log) is kept with the attempt. What failed,
    was lost, or stopped though nobody had asked goes on by itself when the run's policy says so.
    """
    attempt = lock_attempt(attempt_id)
    if attempt.ended_at is not None:
        return False
    now = timezone.now()
    attempt.ended_at, attempt.outcome, attempt.exit_code = now, outcome, exit_code
    attempt.reason = f"{reason}\n\n{detail}" if detail else reason
    attempt.phase = ""
    attempt.save(update_fields=["ended_at", "outcome", "exit_code", "reason", "phase"])
    end_unclaimed(attempt)
    run = lock(attempt.run)
    release(attempt)
    if run.state not in ENDED:
        _move_on(run, attempt, outcome, reason)
    queue.nudge()
    return True


def _move_on(run: Run, attempt: Attempt, outcome: State, reason: str) -> None:
    if outcome == State.STOPPED and run.desired == Desired.QUEUED:
        put_back(run=run, actor=ACTOR, attempt=attempt)
        return
    if outcome == State.STOPPED and run.desired == Desired.RUNNING:
        reason = _taken_away(attempt)
    if run.state != outcome:
        transition(run=run, to=outcome, reason=reason, actor=ACTOR, attempt=attempt)
    if outcome in {State.FAILED, State.LOST, State.STOPPED}:
        resume_by_itself(run=run, attempt=attempt, why=reason)


def _taken_away(attempt: Attempt) -> str:
    """Where a job's system says what has ended it, in its words."""
    job = Job.objects.filter(attempt=attempt).exclude(over_at=None).first()
    return job.reason if job else TAKEN_AWAY
