"""Tells the ledger what journals say, so that no fault there costs a line of a run."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, transaction

from r1web.cluster.supervisor.batch import warning
from r1web.ledger import services as ledger
from r1web.runs.models import Attempt, Run
from r1web.runs.services import append_events
from training.events import Event

logger = logging.getLogger(__name__)


class Told(NamedTuple):
    """What new lines of an attempt's journal say."""

    run: Run
    attempt: Attempt
    events: Sequence[Event]


def book(told: Sequence[Told]) -> None:
    """All together; where that fails, each attempt by itself, and what cannot be booked then is
    left to the meter, which goes on from where it was. The caller holds the runs' rows."""
    error = _tried(told)
    if error is None:
        return
    if len(told) > 1:
        for one in told:
            book([one])
        return
    (one,) = told
    logger.error("Attempt %s could not be booked", one.attempt.pk, exc_info=error)
    cause = f"{type(error).__name__}: {error}".replace("\0", "\ufffd")
    if ledger.note_fault(attempt=one.attempt, cause=cause):
        message = (
            f"The ledger could not take what the journal tells ({cause[:200]}). The time is booked "
            "all the same, as the phase before; the server's log has the whole error."
        )
        append_events(run=one.run, attempt=one.attempt, items=[warning(message)])


def _tried(told: Sequence[Told]) -> Exception | None:
    """What failed, with nothing of it written."""
    try:
        with transaction.atomic():
            ledger.book([(one.attempt, one.events) for one in told])
    except (InterfaceError, OperationalError):
        raise  # the database is away, or wants the whole transaction again
    except Exception as error:  # noqa: BLE001 - told by who called; the lines stay
        return error
    return None
