"""What lines of the journal hold.

A line that cannot be read, or a number that is missing or comes twice, becomes a warning in the
run's stream.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from r1web.cluster.supervisor.tail import Line
from r1web.runs.services import NewEvent, warning
from training.events import Event, parse_line

NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""PostgreSQL cannot store the character NUL, which a model may well write."""
SHOWN_BYTES = 120


@dataclass
class Batch:
    """What the lines hold, in order, with the warnings where they belong."""

    end: int
    """Offset in the journal after the last line."""
    last_seq: int
    items: list[Event | NewEvent] = field(default_factory=list)

    def of(self, *kinds: type[Any]) -> list[Any]:
        """Those of exactly these classes: isinstance would ask pydantic about every line."""
        return [item for item in self.items if type(item) in kinds]

    @property
    def read(self) -> list[Event]:
        """Without the warnings."""
        return [item for item in self.items if not isinstance(item, NewEvent)]

    def warn(self, message: str) -> None:
        self.items.append(warning(message))


def read_batch(lines: Sequence[Line], after_seq: int) -> Batch:
    """The events of the lines after journal number `after_seq`; repeats are left out."""
    batch = Batch(end=lines[-1].end, last_seq=after_seq)
    unreadable: list[Line] = []
    for line in lines:
        if not line.data.strip():
            continue  # how the trainer ends a line that was torn
        event = _parse(line)
        if event is None:
            unreadable.append(line)
            continue
        _take(batch, event, unreadable)
        unreadable = []
    if unreadable:
        batch.warn(_unreadable(unreadable, batch.last_seq))
    return batch


def _take(batch: Batch, event: Event, unreadable: Sequence[Line]) -> None:
    if unreadable:
        batch.warn(_unreadable(unreadable, batch.last_seq))
    if event.seq <= batch.last_seq:
        batch.warn(f"Journal line {event.seq} came again and was left out.")
        return
    missing = event.seq - batch.last_seq - 1
    if missing > len(unreadable):
        batch.warn(f"Journal lines {batch.last_seq + 1} to {event.seq - 1} are missing.")
    batch.items.append(event)
    batch.last_seq = event.seq


def _unreadable(lines: Sequence[Line], after_seq: int) -> str:
    head = lines[0].data[:SHOWN_BYTES].decode("utf-8", errors="replace").replace("\0", "\ufffd")
    many = "A journal line" if len(lines) == 1 else f"{len(lines)} journal lines"
    return (
        f"{many} after number {after_seq} (up to byte {lines[-1].end}) could not be read and "
        f"{'was' if len(lines) == 1 else 'were'} left out: {head}"
    )


def _parse(line: Line) -> Event | None:
    data = NUL.sub(rb"\1\\ufffd", line.data) if b"\\u0000" in line.data else line.data
    try:
        return parse_line(data)
    except ValidationError:
        return None
