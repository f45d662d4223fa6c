"""Which of a run's points and rollouts still count when it has had several attempts.

An attempt that starts from a checkpoint of step s goes on after s: what earlier attempts wrote
after s is superseded, kept, and marked in answers.
"""

from collections.abc import Iterable

from django.db.models import Q

from r1web.runs.models import Attempt

BEFORE_ALL = -1
"""An attempt from the very beginning supersedes step 0, too."""


def last_valid_steps(attempts: Iterable[Attempt]) -> dict[int, int | None]:
    """The last step that counts of each attempt, by its key; None: all of them do.

    An attempt whose trainer never came up supersedes nothing.
    """
    limits: dict[int, int | None] = {}
    limit: int | None = None
    for attempt in sorted(attempts, key=lambda attempt: attempt.number, reverse=True):
        limits[attempt.pk] = limit
        if attempt.started_at is not None:
            start = attempt.start_step or BEFORE_ALL
            limit = start if limit is None else min(limit, start)
    return limits


def effective(limits: dict[int, int | None]) -> Q:
    """Filter for rows with `attempt` and `step` that count."""
    if all(limit is None for limit in limits.values()):
        return Q()
    counting = Q()
    for attempt_id, limit in limits.items():
        upto = Q() if limit is None else Q(step__lte=limit)
        counting |= Q(attempt_id=attempt_id) & upto
    return counting
