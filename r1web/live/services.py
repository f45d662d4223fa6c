"""Tells browsers what happened. Call after commit; nothing here waits for Redis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from r1web.live.messages import EventsMessage, Happened, event_out
from r1web.live.publisher import publisher
from r1web.runs.models import Run
from r1web.runs.schemas import EventOut

BODY_LIMIT = 64 * 1024
"""Bytes of JSON; larger messages travel without their events, and the browser fetches them."""


def run_group(run_id: int) -> str:
    return f"run.{run_id}"


def project_group(project_id: int) -> str:
    return f"project.{project_id}"


def publish(run: Run, events: Sequence[Happened]) -> None:
    """Tell the watchers of a run what was appended, and those of the list that it changed."""
    if not events:
        return
    publisher.put(run_group(run.pk), RunEvents.of(run.pk, events))
    publisher.put(project_group(run.project_id), ChangedRuns(frozenset({run.pk})))


def publish_runs(run_ids: Iterable[int]) -> None:
    """Tell the watchers of the list of runs that these changed."""
    rows = Run.objects.filter(pk__in=list(run_ids)).values_list("project_id", "pk")
    for project_id, run_id in rows:
        publisher.put(project_group(project_id), ChangedRuns(frozenset({run_id})))


def flush(timeout: float = 2.0) -> bool:
    """Wait until all of it was sent, at most `timeout` seconds; for programs about to end."""
    return publisher.flush(timeout)


@dataclass(frozen=True)
class RunEvents:
    """Consecutive events of one run; at most ten messages a second go out."""

    message: EventsMessage
    size: int
    interval = 0.1

    @classmethod
    def of(cls, run_id: int, events: Sequence[Happened]) -> "RunEvents":
        first, last = events[0].seq, events[-1].seq
        bodies, size = [], 0
        for event in events:
            bodies.append(event_out(event))
            size += _size(bodies[-1])
            if size > BODY_LIMIT:
                break  # they travel without their bodies
        return cls.bounded(run_id, first, last, bodies, size)

    @classmethod
    def bounded(
        cls, run_id: int, first: int, last: int, events: list[EventOut] | None, size: int
    ) -> "RunEvents":
        bodies = events if size <= BODY_LIMIT else None
        message = EventsMessage(run=run_id, first_seq=first, last_seq=last, events=bodies)
        return cls(message=message, size=size)

    def merge(self, later: "RunEvents") -> "RunEvents":
        """Both as one; without bodies when either has none or a hole lies between them."""
        mine, theirs = self.message, later.message
        joined = None
        if mine.events is not None and theirs.events is not None:
            joined = sorted(mine.events + theirs.events, key=lambda event: event.seq)
        first = min(mine.first_seq, theirs.first_seq)
        last = max(mine.last_seq, theirs.last_seq)
        if joined is not None and len(joined) != last - first + 1:
            joined = None
        return self.bounded(mine.run, first, last, joined, self.size + later.size)

    def without_bodies(self) -> "RunEvents":
        message = self.message.model_copy(update={"events": None})
        return RunEvents(message=message, size=BODY_LIMIT + 1)

    def layer_message(self) -> dict[str, Any]:
        return {"type": "run.events", "message": self.message.model_dump(mode="json")}


@dataclass(frozen=True)
class ChangedRuns:
    """Numbers of runs of one project; each socket reads the rows that its user may see."""

    run_ids: frozenset[int]
    interval = 0.5

    def merge(self, later: "ChangedRuns") -> "ChangedRuns":
        return ChangedRuns(self.run_ids | later.run_ids)

    def without_bodies(self) -> "ChangedRuns":
        return self

    def layer_message(self) -> dict[str, Any]:
        return {"type": "runs.changed", "run_ids": sorted(self.run_ids)}


def within_limit(bodies: Sequence[EventOut], limit: int) -> list[EventOut]:
    """As many of the first `bodies` as fit into `limit` bytes of JSON together."""
    fitting = []
    for body in bodies:
        limit -= len(body.model_dump_json())
        if limit < 0:
            break
        fitting.append(body)
    return fitting


def _size(body: EventOut) -> int:
    return len(body.model_dump_json())
