"""The run's diary: events.jsonl, one JSON line an event, written by rank 0.

A line is one `write` of the whole line, so a reader sees it whole or torn at the end of the file,
never mixed. A journal that cannot be opened stops the start; later trouble (a full disk, say)
warns once and is counted, but never stops training.

A thread of the journal's own makes and writes the lines, in order, so that training does not wait
for a thousand completions to become text. What a step tells (`GATHERED`) waits for its last event:
a thread that wrote meanwhile would hold Python's lock, and training with it. Events by which a run
goes on (`AWAITED`) are on file when `write` comes back, with all before them; of the others a
process that is killed loses what it told in its last milliseconds.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.events import Event, EventAdapter, parse_line

FILE_NAME = "events.jsonl"
AWAITED = frozenset({"started", "evaluation", "checkpoint", "finished"})
"""Types of events that are on file when `write` comes back."""
GATHERED = frozenset({"metrics", "rollouts"})
"""Types of events that are written with the next of another type, which follows at once."""
LONGEST_WAIT_S = 1.0
"""After that they are written all the same."""
MOST_WAITING = 1024
"""Events that the disk may be behind; then training waits for it."""
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
        self._failure: Exception | None = None
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        newest = self._recover()
        self._seq = newest.seq if newest else 0
        self.found_stage = newest.stage if newest else None
        """That of the newest line that was there."""
        self._waiting: deque[Event | threading.Event | None] = deque()
        """Events to write, marks to set when all before them is written, and None at the end."""
        self._wake = threading.Event()
        self._writer = threading.Thread(target=self._write_on, name="journal", daemon=True)
        self._writer.start()
        atexit.register(self.flush)

    @classmethod
    def go_on(cls, run_dir: Path, first_stage: str) -> Journal:
        """In the stage that the run was in, or its first. Raises OSError like any other."""
        journal = cls(run_dir, first_stage)
        journal.stage = journal.found_stage or first_stage
        return journal

    def write(self, type_: str, step: int, **fields: Any) -> None:
        """Tell one event; any thread may. Raises for a wrong field (our mistake), never for the
        disk's."""
        event: Event = EventAdapter.validate_python(
            {
                "type": type_,
                "seq": 1,  # counted when it is written: what cannot be leaves no hole
                "time": time.time(),
                "stage": self.stage,
                "step": step,
                **fields,
            }
        )
        self.step = step
        self._waiting.append(event)
        if type_ in AWAITED or len(self._waiting) > MOST_WAITING:
            self.flush()
        elif type_ not in GATHERED:
            self._wake.set()

    def flush(self) -> None:
        """Wait until all that was told is on file. Raises what the writing thread met that was not
        the disk's fault."""
        written = threading.Event()
        self._waiting.append(written)
        self._wake.set()
        written.wait()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        atexit.unregister(self.flush)
        self._waiting.append(None)
        self._wake.set()
        self._writer.join()
        os.close(self._file)

    def _write_on(self) -> None:
        """What the thread does."""
        while True:
            self._wake.wait(LONGEST_WAIT_S)
            self._wake.clear()
            while self._waiting:
                item = self._waiting.popleft()
                if item is None:
                    return
                self._take(item)

    def _take(self, item: Event | threading.Event) -> None:
        if isinstance(item, threading.Event):
            item.set()
            return
        try:
            self._write_one(item)
        except Exception as error:  # noqa: BLE001 - `flush` raises it
            self._failure = error

    def _write_one(self, event: Event) -> None:
        numbered = event.model_copy(update={"seq": self._seq + 1})
        line = numbered.model_dump_json().encode() + b"\n"
        try:
            self._append(line)
        except OSError as error:
            if not self.lost:
                sys.stderr.write(f"The journal {self.path} cannot be written: {error}\n")
            self.lost += 1
        else:
            self._seq += 1

    def _append(self, line: bytes) -> None:
        if self._torn_end:  # a torn line must not swallow this one
            line = b"\n" + line
        written = os.write(self._file, line)
        if written < len(line):
            self._torn_end = True
            raise OSError(f"only {written} of {len(line)} bytes were taken")
        self._torn_end = False

    def _recover(self) -> Event | None:
        """The last whole line, None in an empty file; a torn end is closed."""
        size = os.fstat(self._file).st_size
        if size == 0:
            return None
        if os.pread(self._file, 1, size - 1) != b"\n":
            self.torn = True
            os.write(self._file, b"\n")
        return self._newest(size)

    def _newest(self, end: int) -> Event | None:
        length = _TAIL_BYTES
        while True:
            start = max(0, end - length)
            lines = os.pread(self._file, end - start, start).split(b"\n")
            whole = lines if start == 0 else lines[1:]
            for line in reversed(whole):
                try:
                    return parse_line(line)
                except ValidationError:
                    continue  # torn, or not ours: an older line counts
            if start == 0:
                return None
            length *= 8
