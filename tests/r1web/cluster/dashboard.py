"""The dashboard's processes, as real ones that a test may kill and start again."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from r1web.local.address import free_port

CELERY = [sys.executable, "-m", "celery", "-A", "r1web.celery"]
WORKER = [*CELERY, "worker", "--pool", "threads", "--concurrency", "2", "--without-gossip"]
BEAT = [*CELERY, "beat", "--pidfile", ""]
WEB = [sys.executable, "-m", "uvicorn", "r1web.asgi:application", "--no-access-log"]


class Service:
    """A process of the dashboard, that something else starts again when it ends by itself."""

    def __init__(self, words: list[str], log: Path) -> None:
        self.words, self.log = words, log
        self.lock = threading.Lock()
        self.revived = 0
        self._start()

    def revive(self) -> None:
        """Start it again if it has ended; what `make run`, compose and systemd do."""
        with self.lock:
            if self.process.poll() is not None:
                self.revived += 1
                self._start()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Killed, and started again in the end."""
        with self.lock:
            self._kill()
            yield
            self._start()

    def kill(self) -> None:
        """For good."""
        with self.lock:
            self._kill()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.words, stdout=log, stderr=log, env={**os.environ, "C_FORCE_ROOT": "1"}
            )

    def _kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Web:
    """The web process, asked by its owner's token."""

    def __init__(self, home: Path, token: str) -> None:
        self.port, self.token = free_port(), token
        self.service = Service([*WEB, "--port", str(self.port)], home / "web.log")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's body. Raises OSError or HTTPException when the web is away or says no."""
        request = Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)
