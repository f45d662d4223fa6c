"""What can be done to a run. Every change of state goes through `transition`."""

from r1web.runs.services.create import (
    clone_run,
    create_run,
    fork_run,
    repeat_stage,
    resolve_for,
)
from r1web.runs.services.deleting import delete_run, purge_run, restore_run
from r1web.runs.services.edit import checked_name, edit_run
from r1web.runs.services.events import NewEvent, News, append_events, append_to_locked, warning
from r1web.runs.services.lifecycle import (
    continue_run,
    put_back,
    request_pause,
    request_requeue,
    request_stop,
    resume_run,
)
from r1web.runs.services.progress import SPARKLINE_POINTS, record_progress
from r1web.runs.services.resuming import may_resume, resume_by_itself, shorten_pauses
from r1web.runs.services.transitions import ALLOWED, explain, lock, lock_attempt, transition

__all__ = [
    "ALLOWED",
    "SPARKLINE_POINTS",
    "NewEvent",
    "News",
    "append_events",
    "append_to_locked",
    "checked_name",
    "clone_run",
    "continue_run",
    "create_run",
    "delete_run",
    "edit_run",
    "explain",
    "fork_run",
    "lock",
    "lock_attempt",
    "may_resume",
    "purge_run",
    "put_back",
    "record_progress",
    "repeat_stage",
    "request_pause",
    "request_requeue",
    "request_stop",
    "resolve_for",
    "restore_run",
    "resume_by_itself",
    "resume_run",
    "shorten_pauses",
    "transition",
    "warning",
]
