"""Puts right what fell between: launches that got lost, supervisors that died, nodes gone silent.

`reconcile` looks only at the database and may run anywhere; `adopt` looks at the processes of the
node it runs on.
"""

import logging
from datetime import timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from r1web.cluster import queue
from r1web.cluster.models import Follower, Node
from r1web.cluster.selectors import node_state
from r1web.cluster.services.attempts import ACTOR, end_attempt
from r1web.cluster.services.followers import LOST_AFTER, end_follower, quietest, row
from r1web.cluster.services.supervising import start_supervisor
from r1web.processes import is_alive
from r1web.runs.models import Attempt, Desired, Run, State
from r1web.runs.services import lock, lock_attempt, may_resume, shorten_pauses, transition

logger = logging.getLogger(__name__)

P = TypeVar("P", Attempt, Follower)

LAUNCH_AGAIN_AFTER = timedelta(seconds=10)
SUPERVISOR_STARTS_WITHIN = timedelta(seconds=15)
GIVEN_UP_AFTER = timedelta(minutes=2)
"""A run that is to stop, on a node that has been silent for this long, counts as stopped."""
ELSEWHERE_AFTER = timedelta(minutes=5)
"""A run that has been lost for this long goes on by itself on whatever node is free."""


def reconcile() -> None:
    """Launch again, put back into the queue, mark as lost, give up."""
    _after_the_clock_was_set_back()
    open_attempts = Attempt.objects.filter(ended_at=None)
    for attempt in open_attempts.filter(claimed_at=None).select_related("run", "node"):
        _unclaimed(attempt)
    open_followers = Follower.objects.filter(ended_at=None).select_related("attempt", "node")
    of_open = open_followers.filter(attempt__ended_at=None)
    for follower in of_open.filter(claimed_at=None):
        _unclaimed_follower(follower)
    silent = {*_silent_ones(open_attempts).values_list("pk", flat=True)}
    silent |= {*_silent_ones(of_open).values_list("attempt", flat=True)}
    for attempt_id in sorted(silent):
        _silent(attempt_id)
    given_up = timezone.now() - GIVEN_UP_AFTER
    for follower in _silent_ones(open_followers.filter(attempt__ended_at__lt=given_up)):
        end_follower(follower_id=follower.pk, reason=f"{_where(follower)} was not heard again.")


def _silent_ones(parts: QuerySet[P]) -> QuerySet[P]:
    heard_at = Coalesce("heartbeat_at", "claimed_at")
    # A job may wait for days: its worker looks after it until its supervisor was heard.
    in_job = Q(node__isnull=False) & ~Q(node__kind=Node.Kind.MACHINE)
    begun = parts.exclude(claimed_at=None).exclude(in_job & Q(heartbeat_at=None))
    begun = begun.annotate(heard_at=heard_at)
    return begun.filter(heard_at__lt=timezone.now() - LOST_AFTER)


def _after_the_clock_was_set_back() -> None:
    """Signs and pauses that now lie ahead count from now on."""
    now = timezone.now()
    Node.objects.filter(heartbeat_at__gt=now).update(heartbeat_at=now)
    for noted in ("heartbeat_at", "claimed_at"):
        for parts in (Attempt.objects.all(), Follower.objects.all()):
            parts.filter(ended_at=None, **{f"{noted}__gt": now}).update(**{noted: now})
    shorten_pauses()


def adopt(*, node: Node) -> list[int]:
    """Start a new supervisor for each attempt of this node that has lost its own; their keys.

    The new one takes over the trainer when it still lives, and else reports how it ended.
    """
    starting = Q(supervisor_pid=None, claimed_at__gt=timezone.now() - SUPERVISOR_STARTS_WITHIN)
    mine = Q(node=node, ended_at=None) & ~Q(claimed_at=None) & ~starting
    parts: list[Attempt | Follower] = [
        *Attempt.objects.filter(mine).select_related("run"),
        *Follower.objects.filter(mine).select_related("attempt__run"),
    ]
    orphans = [part for part in parts if not is_alive(part.supervisor_pid, part.supervisor_started)]
    return [part.attempt.pk for part in orphans if _adopt(part)]


def _adopt(part: Attempt | Follower) -> bool:
    """Clear the dead supervisor by a conditional UPDATE, so that one caller starts the next."""
    unchanged = row(part).filter(
        ended_at=None,
        supervisor_pid=part.supervisor_pid,
        claimed_at=part.claimed_at,
    )
    ours = unchanged.update(supervisor_pid=None, supervisor_started=None, claimed_at=timezone.now())
    if ours:
        logger.warning("%s has no supervisor: starting one", part)
        start_supervisor(attempt=part.attempt, node_rank=part.node_rank)
    return ours == 1


def _age(attempt: Attempt) -> timedelta:
    """How long ago it was opened; long enough for anything when the clock was set back since."""
    opened = attempt.run.transitions.filter(attempt=attempt, to_state=State.STARTING).last()
    age = timezone.now() - opened.at if opened else GIVEN_UP_AFTER
    return age if age >= timedelta(0) else GIVEN_UP_AFTER


def _unclaimed_follower(follower: Follower) -> None:
    """Have it told again; when it never comes, the trainer on the leading node says so in time."""
    node = follower.node
    late = _age(follower.attempt) >= LAUNCH_AGAIN_AFTER
    if node is None or node.is_elsewhere:
        return
    if late and node_state(node) != "unreachable":
        queue.join(follower.pk, node.queue)


def _unclaimed(attempt: Attempt) -> None:
    if _age(attempt) < LAUNCH_AGAIN_AFTER:
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
    found = quietest(attempt)
    if attempt.ended_at is not None or found is None:
        return
    part, last_sign = found
    silence = timezone.now() - last_sign
    nothing_heard = f"Nothing was heard from {_where(part)} for {silence.total_seconds():.0f} s."
    if run.desired != Desired.RUNNING and silence > GIVEN_UP_AFTER:
        reason = f"Stopped; {_where(part)} was not heard again."
        end_attempt(attempt_id=attempt.pk, outcome=State.STOPPED, reason=reason)
    elif silence > LOST_AFTER and run.state != State.LOST:
        transition(run=run, to=State.LOST, reason=nothing_heard, actor=ACTOR, attempt=attempt)
    elif run.state == State.LOST and may_resume(run) and _lost_for(run, silence) > ELSEWHERE_AFTER:
        end_attempt(attempt_id=attempt.pk, outcome=State.LOST, reason=nothing_heard)


def _lost_for(run: Run, silence: timedelta) -> timedelta:
    """By when it was marked, not by its last sign: after the database was away all seem silent.

    When the clock was set back since, `silence` counts from there.
    """
    marked = run.transitions.filter(to_state=State.LOST).latest("id")
    lost_for = timezone.now() - marked.at
    return lost_for if lost_for >= timedelta(0) else silence


def _where(part: Attempt | Follower) -> str:
    return part.node.name if part.node else "its node"
