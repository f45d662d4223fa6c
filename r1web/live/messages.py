"""What travels to the browser: one class a message, unknown fields forbidden."""

from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from r1web.metrics.wire import wire_value
from r1web.runs.models import Attempt
from r1web.runs.schemas import EventOut, RunRow


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @cached_property
    def text(self) -> str:
        """As JSON, written once however many sockets send it."""
        return self.model_dump_json()


class HelloMessage(Message):
    """The first message on a run's socket; `last_seq` is the newest event there is."""

    type: Literal["hello"] = "hello"
    run: int
    last_seq: int


class EventsMessage(Message):
    """Events without holes. `events` null: too large for a message, fetch them by REST."""

    type: Literal["events"] = "events"
    run: int
    first_seq: int
    last_seq: int
    events: list[EventOut] | None


class RunsMessage(Message):
    """Rows of the list that changed, as in GET /runs."""

    type: Literal["runs"] = "runs"
    runs: list[RunRow]

    def followed_by(self, later: "RunsMessage") -> "RunsMessage":
        """Both as one; of a run in both the later row counts."""
        rows = {row.id: row for row in [*self.runs, *later.runs]}
        return RunsMessage(runs=list(rows.values()))


class PingMessage(Message):
    type: Literal["ping"] = "ping"


class Happened(Protocol):
    """An event, from the database or on its way there."""

    @property
    def seq(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def attempt(self) -> Attempt | None: ...
    @property
    def payload(self) -> Any: ...


def event_out(event: Happened) -> EventOut:
    """The wire form of an event; reads `event.attempt`, so select it with a stored one."""
    return EventOut(
        seq=event.seq,
        type=event.type,
        step=event.step,
        at=event.at,
        attempt=event.attempt.number if event.attempt else None,
        payload=_on_wire(event.payload) if event.type == "metrics" else event.payload,
    )


def _on_wire(payload: dict[str, Any]) -> dict[str, Any]:
    """With words for numbers that JSON cannot write."""
    values = payload.get("values", {})
    return {**payload, "values": {name: _number(value) for name, value in values.items()}}


def _number(value: float | str) -> float | str:
    return value if isinstance(value, str) else wire_value(value)
