"""Has the ledger book, so that no fault there costs anything that is written beside it.

The caller holds the runs' rows.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from r1web.cluster.models import Lease
from r1web.ledger import services as ledger
from r1web.runs.models import Attempt, Run
from r1web.runs.services import append_events, warning
from training.events import Event

logger = logging.getLogger(__name__)


class Told(NamedTuple):
    """What new lines of an attempt's journal say."""

    run: Run
    attempt: Attempt
    events: Sequence[Event]


class _Part(Protocol):
    @property
    def run(self) -> Run: ...
    @property
    def attempt(self) -> Attempt: ...


P = TypeVar("P", bound=_Part)


def book(told: Sequence[Told]) -> None:
    """What journals say."""

    def write(some: Sequence[Told]) -> None:
        ledger.book([(one.attempt, one.events) for one in some])

    _all_or_each(told, write, "take what the journal tells")


def go_on(measured: Sequence[ledger.Measured]) -> None:
    """The time up to now."""
    _all_or_each(measured, ledger.go_on, "book the time up to now")


def stop(*, attempt: Attempt, leaving: QuerySet[Lease]) -> datetime:
    """The rest of these leases; when they are over, whether that can be booked or not."""
    over: list[datetime] = []
    error = _tried(lambda: over.append(ledger.stop(attempt=attempt, leaving=leaving)))
    if error is None:
        return over[0]
    _note(attempt, error)
    message = (
        f"The ledger could not book the rest of devices that were given back ({_short(error)}): "
        "what they did since they were booked last is missing in the run's cost. The server's log "
        "has the whole error."
    )
    append_events(run=attempt.run, attempt=attempt, items=[warning(message)])
    return ledger.let_go(attempt=attempt, leaving=leaving)


def _all_or_each(parts: Sequence[P], write: Callable[[Sequence[P]], None], what: str) -> None:
    """All together; where that fails, each attempt by itself, and what cannot be booked then is
    left to the meter, which goes on from where it was."""
    error = _tried(lambda: write(parts))
    if error is None:
        return
    if len(parts) > 1:
        for one in parts:
            _all_or_each([one], write, what)
        return
    (part,) = parts
    if _note(part.attempt, error):
        message = (
            f"The ledger could not {what} ({_short(error)}). The time is booked all the same, as "
            "the phase before; the server's log has the whole error."
        )
        append_events(run=part.run, attempt=part.attempt, items=[warning(message)])


def _tried(write: Callable[[], None]) -> Exception | None:
    """What failed, with nothing of it written."""
    try:
        with transaction.atomic():
            write()
    except (InterfaceError, OperationalError):
        raise  # the database is away, or wants the whole transaction again
    except Exception as error:  # noqa: BLE001 - the callers log it and tell the run; what is beside it stays
        return error
    return None


def _note(attempt: Attempt, error: Exception) -> bool:
    """Whether it is the attempt's first."""
    logger.error("Attempt %s could not be booked", attempt.pk, exc_info=error)
    return ledger.note_fault(attempt=attempt, cause=_named(error))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\0", "\ufffd")


def _short(error: Exception) -> str:
    return _named(error)[:200]
