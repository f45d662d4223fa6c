"""Which parts of attempts a supervisor is told to take, one a line of its standard input."""

import json
import os
import select
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

MOST_BYTES = 65536
Part = tuple[int, int]
"""Which attempt, and which of its nodes."""


@dataclass(frozen=True)
class Order:
    attempt_id: int
    node_rank: int = 0
    trace: Mapping[str, str] = field(default_factory=dict)
    """What it is a part of, as `tracing.for_child` tells it."""

    @property
    def part(self) -> Part:
        return self.attempt_id, self.node_rank

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class Orders:
    """Those that come by a pipe until its other end is closed, as it is when the worker ends."""

    def __init__(self, pipe: int | None) -> None:
        self._pipe = pipe
        self._refused = False
        self._rest = b""

    @property
    def can_come(self) -> bool:
        return self._pipe is not None

    def wait(self, seconds: float) -> list[Order]:
        """Those that came, after that time at most."""
        if self._pipe is not None and self._refused:
            self._close(self._pipe)
        if self._pipe is None:
            time.sleep(seconds)  # nothing else is awaited
            return []
        if not select.select([self._pipe], [], [], seconds)[0]:
            return []
        data = os.read(self._pipe, MOST_BYTES)
        if not data:
            self._close(self._pipe)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [Order(**json.loads(line)) for line in lines]

    def refuse(self) -> None:
        """Take no more, from the next turn on: who has some finds another supervisor."""
        self._refused = True

    def _close(self, pipe: int) -> None:
        os.close(pipe)
        self._pipe = None
