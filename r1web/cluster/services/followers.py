"""The part of an attempt that a further node runs, from claim to end; and giving devices back."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from r1web.cluster import queue
from r1web.cluster.models import Follower, Lease, PortLease
from r1web.cluster.services.booking import stop
from r1web.runs.models import Attempt
from r1web.runs.services import lock, lock_attempt

LOST_AFTER = timedelta(seconds=30)


def row(part: Attempt | Follower) -> QuerySet[Attempt] | QuerySet[Follower]:
    """The part's own row, for conditional updates."""
    if isinstance(part, Follower):
        return Follower.objects.filter(pk=part.pk)
    return Attempt.objects.filter(pk=part.pk)


def claim_follower(*, follower_id: int) -> bool:
    """Take it for launching; of two claims only one succeeds, and none once the attempt is over."""
    unclaimed = Follower.objects.filter(
        pk=follower_id, claimed_at=None, ended_at=None, attempt__ended_at=None
    )
    return unclaimed.update(claimed_at=timezone.now()) == 1


def follower_heard(*, follower_id: int) -> None:
    Follower.objects.filter(pk=follower_id).update(heartbeat_at=timezone.now())


@transaction.atomic
def end_follower(*, follower_id: int, reason: str = "", exit_code: int | None = None) -> bool:
    """Close it and give its node's devices back. False when it was closed.

    The leading node's supervisor sees it, and what it means for the attempt.
    """
    attempt = lock_attempt(Follower.objects.get(pk=follower_id).attempt_id)
    ended = Follower.objects.filter(pk=follower_id, ended_at=None).update(
        ended_at=timezone.now(), reason=reason, exit_code=exit_code
    )
    if ended:
        lock(attempt.run)
        release(attempt)
        queue.nudge()
    return ended == 1


def end_unclaimed(attempt: Attempt) -> None:
    """Of an attempt that is over: on these nodes nothing has begun, and now nothing will."""
    unclaimed = Follower.objects.filter(attempt=attempt, claimed_at=None, ended_at=None)
    unclaimed.update(ended_at=timezone.now())


def release(attempt: Attempt) -> None:
    """Give back what the attempt holds on nodes where its part has ended.

    The caller holds the rows of the attempt and of its run.
    """
    now = timezone.now()
    followers = Follower.objects.filter(attempt=attempt, ended_at=None)
    busy = [node for node in followers.values_list("node_id", flat=True) if node]
    if attempt.ended_at is None:
        busy += [attempt.node_id] if attempt.node_id else []
    else:
        PortLease.objects.filter(attempt=attempt, released_at=None).update(released_at=now)
    held = Lease.objects.filter(attempt=attempt, released_at=None)
    leaving = held.exclude(device__node__in=busy)
    leaving.update(released_at=stop(attempt=attempt, leaving=leaving))


def is_silent(attempt: Attempt) -> bool:
    """Whether one of its nodes has not been heard for so long that the run counts as lost."""
    found = quietest(attempt)
    return found is not None and found[1] < timezone.now() - LOST_AFTER


def quietest(attempt: Attempt) -> tuple[Attempt | Follower, datetime] | None:
    """Of its nodes that have begun and are not done, the one not heard for longest; since when."""
    followers = attempt.followers.filter(ended_at=None).select_related("node")
    parts: list[Attempt | Follower] = [attempt, *followers]
    signs = [(part, sign) for part in parts if (sign := part.heartbeat_at or part.claimed_at)]
    return min(signs, key=lambda found: found[1], default=None)
