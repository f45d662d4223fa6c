"""What `up` does with runs: the first one, those to resume, and stopping them at the end."""

import logging
import time

from django.db.models import OuterRef, Subquery

from r1web.accounts.models import User
from r1web.accounts.selectors import projects_of
from r1web.errors import ConflictError
from r1web.runs.models import Desired, Run, State, Transition
from r1web.runs.services import create_run, request_stop, resume_run

FIRST_PRESET = "r1-zero-nano"
SHUTDOWN = "shutdown"
"""Actor of the transitions that stopping the stack causes."""
WORKING = (State.STARTING, State.RUNNING, State.STOPPING)
LOOK_EVERY_S = 0.2

logger = logging.getLogger(__name__)


def submit_first_run(operator: User) -> Run | None:
    """Queue the demonstration when there has never been a run."""
    if Run.objects.exists():
        return None
    return create_run(
        owner=operator,
        project=projects_of(operator).earliest("pk"),
        preset=FIRST_PRESET,
        name="First light",
        overrides={},
    )


def stopped_by_shutdown() -> list[Run]:
    """Runs that were working when the stack was stopped, and are still stopped."""
    last_stop = Transition.objects.filter(run=OuterRef("pk"), to_state=State.STOPPING)
    return list(
        Run.objects.filter(state=State.STOPPED, deleted_at=None)
        .annotate(stopped_by=Subquery(last_stop.order_by("-id").values("actor")[:1]))
        .filter(stopped_by=SHUTDOWN)
    )


def resume_all(runs: list[Run], operator: User) -> list[str]:
    """Queue the runs again; a sentence for each."""
    sentences = []
    for run in runs:
        try:
            resume_run(run=run, actor=operator)
        except ConflictError as error:
            sentences.append(f"{run} was not resumed: {error}")
        else:
            sentences.append(f"{run} goes on.")
    return sentences


def stop_all(patience_s: float) -> int:
    """Ask every run that works to save and stop, and wait; how many still work in the end.

    A run that the scheduler starts meanwhile is asked as well.
    """
    deadline = time.monotonic() + patience_s
    while working := list(Run.objects.filter(state__in=WORKING)):
        for run in working:
            if run.desired != Desired.STOPPED:
                _ask_to_stop(run)
        if time.monotonic() > deadline:
            return len(working)
        time.sleep(LOOK_EVERY_S)
    return 0


def _ask_to_stop(run: Run) -> None:
    try:
        request_stop(run=run, actor=SHUTDOWN, reason="r1web was shut down.")
    except ConflictError:
        logger.info("Run %s ended by itself", run.pk)
