"""The stream of a run: events numbered without holes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from r1web.bulk import insert_all
from r1web.live.services import publish
from r1web.runs.models import Attempt, Event, Run

EVENT = ["run_id", "attempt_id", "seq", "type", "step", "at", "payload"]


@dataclass(frozen=True)
class NewEvent:
    """An event without its number yet. `payload` must be standard JSON: no NaN, no Infinity."""

    type: str
    payload: dict[str, Any]
    step: int = 0
    at: datetime = field(default_factory=timezone.now)
    in_series: bool = False
    """The series of the run keep what it tells, so the event's own row need not. Then its values
    are numbers still, which get their words on the wire."""


def warning(message: str) -> NewEvent:
    return NewEvent("log", {"level": "warning", "message": message})


class Numbered(NamedTuple):
    """What becomes an Event's row; to make an Event of it would take longer than to write it."""

    seq: int
    type: str
    step: int
    at: datetime
    attempt: Attempt | None
    payload: dict[str, Any]


@transaction.atomic
def append_events(
    *, run: Run, attempt: Attempt | None, items: Sequence[NewEvent]
) -> list[Numbered]:
    """Number and write `items`, and send them to those who watch once that is committed.

    Locks the run's row; `run.last_seq` is brought up to date.
    """
    if not items:
        return []
    run.last_seq = (
        Run.objects.select_for_update(no_key=True).only("last_seq").get(pk=run.pk).last_seq
    )
    events = append_to_locked([News(run, attempt, items)])
    Run.objects.filter(pk=run.pk).update(last_seq=run.last_seq)
    return events


@dataclass(frozen=True)
class News:
    """What is new of one run."""

    run: Run
    attempt: Attempt | None
    items: Sequence[NewEvent]


def append_to_locked(news: Sequence[News]) -> list[Numbered]:
    """The same for several runs, whose rows the caller has locked, and saves with `last_seq`."""
    events_of = [(one, _numbered(one)) for one in news if one.items]
    insert_all(Event, EVENT, [row for one, events in events_of for row in _rows(one, events)])
    for one, events in events_of:
        transaction.on_commit(partial(publish, one.run, events))
    return [event for _, events in events_of for event in events]


def _rows(news: News, events: Sequence[Numbered]) -> Iterator[tuple[Any, ...]]:
    run, attempt = news.run.pk, news.attempt.pk if news.attempt else None
    for event, item in zip(events, news.items, strict=True):
        payload = {} if item.in_series else event.payload
        yield (run, attempt, event.seq, event.type, event.step, event.at, payload)


def _numbered(news: News) -> list[Numbered]:
    first = news.run.last_seq + 1
    news.run.last_seq += len(news.items)
    return [
        Numbered(first + place, item.type, item.step, item.at, news.attempt, item.payload)
        for place, item in enumerate(news.items)
    ]
