"""Has attempts supervised, by a process that outlives this one."""

import subprocess
import sys
import threading
from contextlib import suppress

from django.conf import settings

from r1web import tracing
from r1web.cluster.services.nodes import node_name
from r1web.cluster.supervisor.orders import Order
from r1web.processes import is_alive
from r1web.runs.models import Attempt

_starting = threading.Lock()
_supervisor: subprocess.Popen[bytes] | None = None
"""One for all that this process launches. After an upgrade the new worker has one of its own, and
the earlier one stays for as long as it has something to follow."""


def start_supervisor(*, attempt: Attempt, node_rank: int = 0) -> None:
    """Have this node's part of the attempt started or adopted, and followed to its end."""
    global _supervisor  # noqa: PLW0603 - it is one for the process
    order = Order(attempt.pk, node_rank, tracing.for_child())
    with _starting:
        if _supervisor is None or not _told(_supervisor, order):
            _supervisor = _start()
            _told(_supervisor, order)


def _told(supervisor: "subprocess.Popen[bytes]", order: Order) -> bool:
    """False when it has ended, or is about to."""
    assert supervisor.stdin is not None  # noqa: S101 - it was opened as a pipe
    # Of one that was killed some threads may go on for a moment, and hold the pipe open.
    if is_alive(supervisor.pid, None):
        with suppress(BrokenPipeError):
            supervisor.stdin.write(order.line())
            return True
    supervisor.stdin.close()
    return False


def _start() -> "subprocess.Popen[bytes]":
    return start_apart("supervise", log="supervisor", stdin=subprocess.PIPE)


def start_apart(
    *words: str, log: str, stdin: int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    """`manage.py WORDS` as a session of its own, which outlives this process and whose words go to
    the file `log` of this node."""
    logs = settings.R1WEB_HOME / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{log}-{node_name()}.log").open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *words],
            cwd=settings.BASE_DIR,
            bufsize=0,
            stdin=stdin,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    # Somebody has to wait for a child, or it stays a zombie when it ends.
    threading.Thread(target=process.wait, name=log, daemon=True).start()
    return process
