"""What a step spends its time on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Adds up seconds by part; of parts within each other the innermost counts.

    A GPU is waited for where a part begins and ends, so that its work counts where it belongs.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self.seconds: Counter[str] = Counter()
        self._cuda = device is not None and device.type == "cuda"
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._note()
        self._open.append(name)
        try:
            yield
        finally:
            self._note()
            self._open.pop()

    def lap(self) -> dict[str, float]:
        """Seconds by part since the last call."""
        seconds, self.seconds = dict(self.seconds), Counter()
        return seconds

    def _note(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()
        now = time.monotonic()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now
