"""Being asked to stop: SIGTERM and SIGINT are noted, and the loop looks when it can."""

from __future__ import annotations

import signal
from types import FrameType


class StopRequest:
    """Takes over both signals on construction. Signals may come more than once."""

    def __init__(self) -> None:
        self.requested = False
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self.requested = True
