"""What a worker is doing right now, in a page of memory that it shares with the pool.

A worker that hangs in C code or was killed cannot say where: this page can. It costs no message.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from typing import NamedTuple

_RECORD = struct.Struct("=dqq")
_IDLE = -1


class Doing(NamedTuple):
    since: float
    """Monotonic seconds; one clock for all processes of a machine."""
    place: int
    """Of the completion within the job."""
    rule: int
    """Of the rule within the scorer's rules."""


class Progress:
    """One writer, the worker; one reader, the pool."""

    def __init__(self, fd: int) -> None:
        """`fd`: an open file, which both have to outlive."""
        os.ftruncate(fd, _RECORD.size)
        self._page = mmap.mmap(fd, _RECORD.size)
        self.rest()

    def begin(self, place: int, rule: int) -> None:
        _RECORD.pack_into(self._page, 0, time.monotonic(), place, rule)

    def rest(self) -> None:
        self.begin(_IDLE, _IDLE)

    def read(self) -> Doing | None:
        """None while no rule runs. Only sure to be whole once the worker stands still."""
        doing = Doing._make(_RECORD.unpack_from(self._page))
        return None if doing.place == _IDLE else doing
