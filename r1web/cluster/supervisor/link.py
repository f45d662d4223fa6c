"""Whether the leading node can still be reached.

Ranks that wait for each other over a connection that was cut do not notice it for up to half an
hour: nothing tells them. So the supervisor of every further node knocks at the port where the ranks
have met, at which rank 0 listens as long as it lives.
"""

import socket
import time

CUT_AFTER_S = 30.0
KNOCK_S = 3.0
"""How long one try may take."""


class Link:
    """Counts from its making, or from the last time that the other side answered."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._answered_at = time.monotonic()

    def knock(self) -> None:
        if reachable(self._address, self._port):
            self._answered_at = time.monotonic()

    @property
    def is_cut(self) -> bool:
        return time.monotonic() - self._answered_at > CUT_AFTER_S

    def __str__(self) -> str:
        return f"{self._address}:{self._port}"


def reachable(address: str, port: int) -> bool:
    """Whether the machine answers: also when nobody listens there any more, which it then says."""
    try:
        socket.create_connection((address, port), timeout=KNOCK_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True
