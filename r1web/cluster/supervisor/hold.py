"""Holding a run, and doing things every so often."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOCK = "supervisor.lock"
"""Who holds it, in a run's folder, follows the run there."""
LOCK_PATIENCE_S = 5.0
LOCK_POLL_S = 0.1
"""flock waits for ever or not at all."""


class AlreadySupervisedError(Exception):
    """Another supervisor holds this run."""


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the run. The kernel lets go of the lock when this process dies, however it dies."""
    with path.open("w", encoding="ascii") as lock_file:
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise AlreadySupervisedError(str(path)) from error
                time.sleep(LOCK_POLL_S)
        yield


@dataclass
class Every:
    """True once each so many seconds."""

    seconds: float
    _due_at: float = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + self.seconds
        return True


def late(since: float | None, limit_s: float) -> bool:
    """Whether more than so long has passed since a time of time.monotonic()."""
    return since is not None and time.monotonic() - since > limit_s
