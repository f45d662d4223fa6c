"""Runs, what happened to them, and what lists find them by."""

from r1web.runs.models.listing import LastValue, SearchText, ValueName
from r1web.runs.models.run import (
    ACTIVE,
    ENDED,
    Attempt,
    Checkpoint,
    Desired,
    Event,
    Run,
    State,
    Supervised,
    Transition,
)

__all__ = [
    "ACTIVE",
    "ENDED",
    "Attempt",
    "Checkpoint",
    "Desired",
    "Event",
    "LastValue",
    "Run",
    "SearchText",
    "State",
    "Supervised",
    "Transition",
    "ValueName",
]
