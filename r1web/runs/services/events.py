"""The stream of a run: events numbered without holes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from r1web.live.services import publish
from r1web.runs.models import Attempt, Event, Run


@dataclass(frozen=True)
class NewEvent:
    """An event without its number yet. `payload` must be standard JSON: no NaN, no Infinity."""

    type: str
    payload: dict[str, Any]
    step: int = 0
    at: datetime = field(default_factory=timezone.now)


@transaction.atomic
def append_events(*, run: Run, attempt: Attempt | None, items: Sequence[NewEvent]) -> list[Event]:
    """Number and write `items`, and send them to those who watch once that is committed.

    Locks the run's row; `run.last_seq` is brought up to date.
    """
    if not items:
        return []
    first = _reserve(run, len(items))
    events = Event.objects.bulk_create(
        Event(
            run_id=run.pk,
            attempt=attempt,
            seq=first + place,
            type=item.type,
            step=item.step,
            at=item.at,
            payload=item.payload,
        )
        for place, item in enumerate(items)
    )
    transaction.on_commit(lambda: publish(run.pk, events))
    return events


def _reserve(run: Run, count: int) -> int:
    """The first of `count` numbers that are now this caller's."""
    locked = Run.objects.select_for_update(no_key=True).only("last_seq").get(pk=run.pk)
    Run.objects.filter(pk=run.pk).update(last_seq=locked.last_seq + count)
    run.last_seq = locked.last_seq + count
    return locked.last_seq + 1
