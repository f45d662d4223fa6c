"""Starts the process that stands between Redis and a served model, on this node."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

from django.conf import settings

from r1web.cluster.services.nodes import node_name

_sessions: "list[subprocess.Popen[bytes]]" = []
"""Those that this worker has started and that may still run."""


def start_session(*, run_id: int, step: int | None) -> None:
    """A session of its own, which ends by itself; one that finds another at work leaves at once."""
    logs = settings.R1WEB_HOME / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "playground", str(run_id)]
    with (logs / f"playground-{node_name()}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *(() if step is None else ("--step", str(step)))],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _sessions[:] = [*(each for each in _sessions if each.poll() is None), process]
    # Somebody has to wait for a child, or it stays a zombie when it ends.
    threading.Thread(target=process.wait, name="playground", daemon=True).start()


def end_sessions() -> None:
    """With their trainers, which are of their process groups: the worker ends, and they with it."""
    for session in _sessions:
        if session.poll() is None:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.killpg(session.pid, signal.SIGTERM)
