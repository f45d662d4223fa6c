"""Wait for what other processes bring about, at most so long."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 150.0


def until(look: Callable[[], T], patience: float = PATIENCE_S) -> T:
    """What `look` gives as soon as that is something; fails when it takes too long."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {patience} s"
        time.sleep(0.02)
    return seen


AWAY_S = 60.0


def away_since(then: float) -> None:
    """Let what went away at that time of time.monotonic() stay away for AWAY_S: how long it does
    is what the test is about."""
    time.sleep(max(0.0, then + AWAY_S - time.monotonic()))
