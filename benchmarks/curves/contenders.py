"""The contenders' processes, seen from the one that gives each its turn."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.load.product import (
    POSTGRES,
    REDIS,
    end_processes,
    on_loopback,
    own_database,
    own_keys,
)

ROOT = Path(__file__).resolve().parents[2]
OURS = ("r1web, PostgreSQL", "r1web, SQLite")
OTHERS = ("MLflow", "TensorBoard", "Aim", "trackio")
TRACKERS = ROOT / ".venv-trackers"
INSTALLED = TRACKERS / ".installed-trackers"
"""The stamp of `make trackers`."""


class Side:
    """A contender; `ask` waits for its answer."""

    def __init__(
        self, name: str, python: str, module: str, folder: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / "side.log"
        command = [python, "-m", "benchmarks.curves.side", module, str(folder)]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self, method: str, *arguments: object) -> Any:
        assert self._process.stdin  # noqa: S101 - a pipe
        assert self._process.stdout  # noqa: S101 - likewise
        self._process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            said = self.log.read_text(errors="replace").strip().splitlines()[-5:]
            raise SystemExit(f"{self.name} has ended: {' | '.join(said)}")
        return json.loads(answer)

    def end(self) -> None:
        """It ends when nothing more can come."""
        assert self._process.stdin  # noqa: S101 - a pipe
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def ours(name: str, folder: Path) -> Iterator[Side]:
    """The product on SQLite or PostgreSQL, in a data folder, a database and keys of its own."""
    broker = on_loopback("REDIS_URL", REDIS)
    with ExitStack() as stack:
        env = {
            **os.environ,
            "R1WEB_HOME": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "REDIS_URL": broker,
            "R1WEB_REDIS_PREFIX": stack.enter_context(own_keys(broker)),
            "R1WEB_SECRET_KEY": secrets.token_urlsafe(50),
            "R1WEB_ALLOWED_HOSTS": "127.0.0.1",
            "R1WEB_SSL_REDIRECT": "0",
            "DJANGO_SETTINGS_MODULE": "r1web.settings.production",
        }
        if "PostgreSQL" in name:
            server = on_loopback("DATABASE_URL", POSTGRES)
            env["DATABASE_URL"] = stack.enter_context(own_database(server))
        stack.callback(end_processes, str(folder))
        side = Side(name, sys.executable, "ours", folder, env)
        stack.callback(side.end)
        yield side


@contextmanager
def other(name: str, folder: Path) -> Iterator[Side]:
    """Another tracker in its own environment, forbidden to tell anybody that it is used."""
    env = {
        **os.environ,
        "AIM_UI_TELEMETRY_ENABLED": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TRACKIO_DIR": str(folder / "trackio"),
    }
    side = Side(name, str(TRACKERS / "bin" / "python"), name.lower(), folder, env)
    try:
        yield side
    finally:
        side.end()
