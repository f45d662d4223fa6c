"""The run's diary: events.jsonl, one JSON line an event, written by rank 0.

A line is one `write` of the whole line, so a reader sees it whole or torn at the end of the file,
never mixed. A journal that cannot be opened stops the start; later trouble (a full disk, say)
warns once and is counted, but never stops training.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.events import Event, EventAdapter, parse_line

FILE_NAME = "events.jsonl"
_TAIL_BYTES = 1 << 16


class Journal:
    """Appends events and numbers them on from the last whole line of the file."""

    def __init__(self, run_dir: Path, stage: str) -> None:
        """Raises OSError when the file cannot be opened for writing."""
        self.path = run_dir / FILE_NAME
        self.stage = stage
        self.step = 0
        """Step of the newest event."""
        self.lost = 0
        """Events that could not be written."""
        self.torn = False
        """The file ended amid a line, which is now closed and left for readers to skip."""
        self._torn_end = False
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._seq = self._recover()

    def write(self, type_: str, step: int, **fields: Any) -> None:
        """Append one event. Raises for a wrong field (our mistake), never for the disk's."""
        event: Event = EventAdapter.validate_python(
            {
                "type": type_,
                "seq": self._seq + 1,
                "time": time.time(),
                "stage": self.stage,
                "step": step,
                **fields,
            }
        )
        self.step = step
        self._seq += 1
        try:
            self._append(event.model_dump_json().encode() + b"\n")
        except OSError as error:
            if not self.lost:
                sys.stderr.write(f"The journal {self.path} cannot be written: {error}\n")
            self.lost += 1
            self._seq -= 1

    def close(self) -> None:
        os.close(self._file)

    def _append(self, line: bytes) -> None:
        if self._torn_end:  # a torn line must not swallow this one
            line = b"\n" + line
        written = os.write(self._file, line)
        if written < len(line):
            self._torn_end = True
            raise OSError(f"only {written} of {len(line)} bytes were taken")
        self._torn_end = False

    def _recover(self) -> int:
        """The last whole line's number, 0 in an empty file; a torn end is closed."""
        size = os.fstat(self._file).st_size
        if size == 0:
            return 0
        if os.pread(self._file, 1, size - 1) != b"\n":
            self.torn = True
            os.write(self._file, b"\n")
        return self._last_seq(size)

    def _last_seq(self, end: int) -> int:
        length = _TAIL_BYTES
        while True:
            start = max(0, end - length)
            lines = os.pread(self._file, end - start, start).split(b"\n")
            whole = lines if start == 0 else lines[1:]
            for line in reversed(whole):
                try:
                    return parse_line(line).seq
                except ValidationError:
                    continue  # torn, or not ours: an older line counts
            if start == 0:
                return 0
            length *= 8
