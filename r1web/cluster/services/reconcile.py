"""Puts right what fell between: launches that got lost, supervisors that died, nodes gone silent.

`reconcile` looks only at the database and may run anywhere; `adopt` looks at the processes of the
node it runs on.
"""

import logging
from datetime import timedelta

import psutil
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from r1web.cluster import queue
from r1web.cluster.models import Node
from r1web.cluster.selectors import node_state
from r1web.cluster.services.attempts import ACTOR, end_attempt, start_supervisor
from r1web.runs.models import Attempt, Desired, Run, State
from r1web.runs.services import lock, lock_attempt, may_resume, transition

logger = logging.getLogger(__name__)

LAUNCH_AGAIN_AFTER = timedelta(seconds=10)
SUPERVISOR_STARTS_WITHIN = timedelta(seconds=15)
LOST_AFTER = timedelta(seconds=30)
SAME_S = 0.05
GIVEN_UP_AFTER = timedelta(minutes=2)
"""A run that is to stop, on a node that has been silent for this long, counts as stopped."""
ELSEWHERE_AFTER = timedelta(minutes=5)
"""A run that has been lost for this long goes on by itself on whatever node is free."""


def reconcile() -> None:
    """Launch again, put back into the queue, mark as lost, give up."""
    open_attempts = Attempt.objects.filter(ended_at=None).select_related("run", "node")
    for attempt in open_attempts.filter(claimed_at=None):
        _unclaimed(attempt)
    silent = open_attempts.exclude(claimed_at=None).annotate(
        heard_at=Coalesce("heartbeat_at", "claimed_at")
    )
    for attempt in silent.filter(heard_at__lt=timezone.now() - LOST_AFTER):
        _silent(attempt.pk)


def adopt(*, node: Node) -> list[int]:
    """Start a new supervisor for each attempt of this node that has lost its own; their keys.

    The new one takes over the trainer when it still lives, and else reports how it ended.
    """
    now = timezone.now()
    starting = Q(supervisor_pid=None, claimed_at__gt=now - SUPERVISOR_STARTS_WITHIN)
    attempts = Attempt.objects.filter(node=node, ended_at=None).exclude(claimed_at=None)
    orphans = [
        attempt
        for attempt in attempts.exclude(starting).select_related("run")
        if not is_alive(attempt.supervisor_pid, attempt.supervisor_started)
    ]
    return [attempt.pk for attempt in orphans if _adopt(attempt)]


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether that very process lives: the same number, made at the same time, not a zombie.

    `created` is what `since_boot` gave.
    """
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        same = created is None or abs(since_boot(process) - created) < SAME_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def since_boot(process: psutil.Process) -> float:
    """When it was made, seconds after the machine's start: setting the clock changes nothing."""
    return process.create_time() - psutil.boot_time()


def _adopt(attempt: Attempt) -> bool:
    """Clear the dead supervisor by a conditional UPDATE, so that one caller starts the next."""
    ours = Attempt.objects.filter(
        pk=attempt.pk,
        ended_at=None,
        supervisor_pid=attempt.supervisor_pid,
        claimed_at=attempt.claimed_at,
    ).update(supervisor_pid=None, supervisor_started=None, claimed_at=timezone.now())
    if ours:
        logger.warning("Attempt %s has no supervisor: starting one", attempt.pk)
        start_supervisor(attempt=attempt)
    return ours == 1


def _unclaimed(attempt: Attempt) -> None:
    opened = attempt.run.transitions.filter(attempt=attempt, to_state=State.STARTING).last()
    age = timezone.now() - opened.at if opened else GIVEN_UP_AFTER
    if age < LAUNCH_AGAIN_AFTER:
        return
    if attempt.node is not None and node_state(attempt.node) != "unreachable":
        queue.launch(attempt.pk, attempt.node.queue)
        return
    stopping = attempt.run.desired != Desired.RUNNING
    end_attempt(
        attempt_id=attempt.pk,
        outcome=State.STOPPED if stopping else State.QUEUED,
        reason="Stopped before it started." if stopping else f"{_where(attempt)} did not start it.",
    )


@transaction.atomic
def _silent(attempt_id: int) -> None:
    # The attempt before its run, as everybody locks them: the other way round two would wait for
    # each other for ever.
    attempt = lock_attempt(attempt_id)
    run = lock(attempt.run)
    last_sign = attempt.heartbeat_at or attempt.claimed_at
    if attempt.ended_at is not None or last_sign is None:
        return
    silence = timezone.now() - last_sign
    if run.desired != Desired.RUNNING and silence > GIVEN_UP_AFTER:
        reason = f"Stopped; {_where(attempt)} was not heard again."
        end_attempt(attempt_id=attempt.pk, outcome=State.STOPPED, reason=reason)
    elif silence > LOST_AFTER and run.state != State.LOST:
        _lose(run, attempt, silence)
    elif run.state == State.LOST and may_resume(run) and _lost_for(run) > ELSEWHERE_AFTER:
        reason = _nothing_heard(attempt, silence)
        end_attempt(attempt_id=attempt.pk, outcome=State.LOST, reason=reason)


def _lose(run: Run, attempt: Attempt, silence: timedelta) -> None:
    reason = _nothing_heard(attempt, silence)
    transition(run=run, to=State.LOST, reason=reason, actor=ACTOR, attempt=attempt)


def _lost_for(run: Run) -> timedelta:
    """By when it was marked, not by its last sign: after the database was away all seem silent."""
    marked = run.transitions.filter(to_state=State.LOST).latest("id")
    return timezone.now() - marked.at


def _nothing_heard(attempt: Attempt, silence: timedelta) -> str:
    return f"Nothing was heard from {_where(attempt)} for {silence.total_seconds():.0f} s."


def _where(attempt: Attempt) -> str:
    return attempt.node.name if attempt.node else "its node"
