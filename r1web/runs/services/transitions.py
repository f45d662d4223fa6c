"""The states of a run and the only way from one to the next."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from r1web import tracing
from r1web.cluster.queue import nudge
from r1web.errors import ConflictError
from r1web.runs.models import ACTIVE, ENDED, Attempt, Desired, Run, State, Transition
from r1web.runs.services.events import NewEvent, append_events
from r1web.runs.services.listing import keep_last_values
from r1web.runs.signals import state_changed

ALLOWED: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.STARTING, State.STOPPED, State.FAILED}),
    State.STARTING: frozenset(
        # To itself: it was handed on to a site's own queue.
        {State.STARTING, State.RUNNING, State.STOPPING, State.QUEUED, State.LOST, *ENDED},
    ),
    State.RUNNING: frozenset({State.STOPPING, State.LOST, *ENDED}),
    State.STOPPING: frozenset({State.LOST, State.QUEUED, *ENDED}),
    State.LOST: frozenset({State.STARTING, State.RUNNING, State.STOPPING, State.QUEUED, *ENDED}),
    State.FINISHED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
    # FINISHED: it was given up, and its journal says more once its node is back.
    State.STOPPED: frozenset({State.QUEUED, State.FINISHED}),
}
CHANGED = (
    "state", "reason", "desired", "paused", "reserved_nodes", "started_at", "queued_at", "ended_at",
)  # fmt: skip


# NO KEY, since rows that refer to a run or an attempt are written by others meanwhile: under a full
# lock these wait, and with what they hold themselves that makes a deadlock.


def lock(run: Run) -> Run:
    """The run as it is now, its row locked until the transaction ends."""
    return Run.objects.select_for_update(no_key=True).get(pk=run.pk)


def lock_attempt(attempt_id: int) -> Attempt:
    """The attempt as it is now, likewise. Whoever locks its run, too, locks that afterwards."""
    return Attempt.objects.select_for_update(no_key=True).get(pk=attempt_id)


@transaction.atomic
def transition(
    *, run: Run, to: State, reason: str, actor: str, attempt: Attempt | None = None
) -> Transition:
    """Move the run to another state, write that down, and tell those who watch.

    `run` is brought up to date. Raises ConflictError when its present state does not lead there.
    """
    locked = lock(run)
    origin = State(locked.state)
    if to not in ALLOWED[origin]:
        raise ConflictError(f"Run {run.pk} is {origin}: it cannot become {to}.", code="wrong_state")
    _apply(locked, to, reason, timezone.now())
    for name in CHANGED:
        setattr(run, name, getattr(locked, name))
    return write_down(run=run, origin=origin, reason=reason, actor=actor, attempt=attempt)


@transaction.atomic
def explain(*, run: Run, reason: str, actor: str, attempt: Attempt) -> None:
    """Tell why the run is still in its state; that is shown, but is no change to write down."""
    run = lock(run)
    Run.objects.filter(pk=run.pk).update(reason=reason)
    payload = {"from": str(run.state), "to": str(run.state), "reason": reason, "actor": actor}
    append_events(run=run, attempt=attempt, items=[NewEvent("state", payload, step=run.last_step)])


def write_down(
    *, run: Run, origin: str, reason: str, actor: str, attempt: Attempt | None
) -> Transition:
    """The Transition and the Event of a change that has been made; the rest follows on commit."""
    written = Transition.objects.create(
        run=run,
        attempt=attempt,
        from_state=origin,
        to_state=run.state,
        reason=reason,
        actor=actor,
    )
    payload = {"from": origin, "to": str(run.state), "reason": reason, "actor": actor}
    event = NewEvent("state", payload, step=run.last_step, at=written.at)
    append_events(run=run, attempt=attempt, items=[event])
    if run.state not in ACTIVE:
        keep_last_values([run.pk])
    tracing.event("state", run_id=run.pk, **{"from": origin, "to": str(run.state)})
    state_changed.send(Run, run=run, transition=written)
    nudge()
    return written


def _apply(run: Run, to: State, reason: str, now: datetime) -> None:
    run.state, run.reason, run.reserved_nodes = to, reason, []
    if to == State.QUEUED:
        # One that made room keeps its age.
        run.queued_at = run.queued_at if run.desired == Desired.QUEUED else now
        run.desired, run.ended_at = Desired.RUNNING, None
    if to == State.RUNNING and run.started_at is None:
        run.started_at = now
    if to in ENDED:
        run.ended_at, run.paused = now, ""
    run.save(update_fields=CHANGED)
