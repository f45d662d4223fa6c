"""Asking, reading what is answered, and the process between Redis and a served model."""

from r1web.playground.services.asking import ask, ask_for_problems, cancel, may_read, settle
from r1web.playground.services.reading import FailedError, events
from r1web.playground.services.session import end_sessions, start_session

__all__ = [
    "FailedError",
    "ask",
    "ask_for_problems",
    "cancel",
    "end_sessions",
    "events",
    "may_read",
    "settle",
    "start_session",
]
