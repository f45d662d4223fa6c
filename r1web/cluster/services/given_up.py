"""Attempts that were given up, and whose node is back: a trainer may still live there, and lines
of the journal may never have been read."""

from django.db import transaction

from r1web.cluster.journal import JOURNAL
from r1web.cluster.models import Node
from r1web.cluster.services.attempts import ACTOR
from r1web.cluster.services.supervising import start_supervisor
from r1web.processes import is_alive
from r1web.runs.models import Attempt, State
from r1web.runs.selectors import run_directory
from r1web.runs.services import lock, lock_attempt, transition

AT_ONCE = 100


def settle(*, node: Node) -> list[int]:
    """Start a supervisor for each that left something behind; their keys.

    A supervisor that comes to its end takes its name off the attempt: where the name is left, and
    the process is gone, somebody else has ended the attempt.
    """
    named = Attempt.objects.filter(node=node).exclude(ended_at=None).exclude(supervisor_pid=None)
    left = [
        attempt
        for attempt in named.select_related("run")[:AT_ONCE]
        if not is_alive(attempt.supervisor_pid, attempt.supervisor_started)
    ]
    return [attempt.pk for attempt in left if _settle(attempt)]


def is_last(attempt: Attempt) -> bool:
    """Otherwise the next one has taken over what it left."""
    return not Attempt.objects.filter(run=attempt.run_id, number__gt=attempt.number).exists()


@transaction.atomic
def finished_after_all(*, attempt_id: int, reason: str) -> None:
    """The journal of a run that was given up as stopped says that it came to its end."""
    attempt = lock_attempt(attempt_id)
    run = lock(attempt.run)
    if run.state == State.STOPPED and is_last(attempt):
        Attempt.objects.filter(pk=attempt_id).update(outcome=State.FINISHED, reason=reason)
        transition(run=run, to=State.FINISHED, reason=reason, actor=ACTOR, attempt=attempt)


def _settle(attempt: Attempt) -> bool:
    """Take the dead supervisor's name off by a conditional UPDATE, so that one caller goes on."""
    unchanged = Attempt.objects.filter(pk=attempt.pk, supervisor_pid=attempt.supervisor_pid)
    ours = unchanged.update(supervisor_pid=None, supervisor_started=None)
    if not ours or not _left_something(attempt):
        return False
    start_supervisor(attempt=attempt)
    return True


def _left_something(attempt: Attempt) -> bool:
    if is_alive(attempt.launcher_pid, attempt.launcher_started):
        return True
    journal = run_directory(attempt.run) / JOURNAL
    unread = journal.exists() and journal.stat().st_size > attempt.journal_offset
    return unread and is_last(attempt)
