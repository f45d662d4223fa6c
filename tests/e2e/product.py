"""The real product, started as `make run` starts it, in a data folder and on a port of its own."""

from __future__ import annotations

import ast
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from r1web.local.address import free_port

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"^r1web is at (?P<link>(?P<url>http://127\.0\.0\.1:\d+)/\S+)$")
UP = (sys.executable, "manage.py", "up")
SETTINGS = ("DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL")
"""Where a surrounding test suite or shell keeps its own data; so does each R1WEB_… variable."""
START_S = 90.0
STOP_S = 15.0
"""The promise of Ctrl-C."""


class Product:
    """A running stack: its address, its token, the lines it prints, and its end."""

    def __init__(self, home: Path, command: Sequence[str] = UP, **environment: str) -> None:
        """Start it and wait for its address; `environment` is set besides folder and port."""
        self.home = home
        self.port = free_port()
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment() | self._own_environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            found = self.wait_for(ADDRESS, START_S)
        except RuntimeError:
            self.stop()
            raise
        self.url, self.link = found["url"], found["link"]

    @property
    def token(self) -> str:
        """The API token for programs, as the data folder keeps it."""
        return (self.home / "token").read_text().strip()

    def wait_for(self, pattern: str | re.Pattern[str], seconds: float) -> re.Match[str]:
        """The next printed line that matches. Raises RuntimeError when it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                printed = "\n".join(self.said)
                raise RuntimeError(f"“{pattern}” was not printed, but:\n{printed}")
            if found := re.search(pattern, line):
                return found

    def processes(self) -> list[psutil.Process]:
        """Everything that lives and was started with this data folder, trainers included."""
        return [process for process in psutil.process_iter() if self._is_mine(process)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> float:
        """Stop it as a terminal or an init system does; the seconds it took.

        Raises subprocess.TimeoutExpired, after having killed it, when it takes longer than STOP_S.
        """
        asked = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        finally:
            took = time.monotonic() - asked
            for process in self.processes() if self.process.poll() is None else ():
                process.kill()
            self.process.wait()
            self._reader.join()
        return took

    def _own_environment(self) -> dict[str, str]:
        return {
            "R1WEB_HOME": str(self.home),
            "R1WEB_PORT": str(self.port),
            "R1WEB_DEMO": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def _read(self) -> None:
        assert self.process.stdout is not None  # it was opened as a pipe
        with self.process.stdout as output:
            for line in output:
                self.said.append(line.rstrip("\n"))
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _is_mine(self, process: psutil.Process) -> bool:
        home = str(self.home)
        try:
            # Redis writes its title over its environment, but works in the data folder.
            mine = process.environ().get("R1WEB_HOME") == home or process.cwd() == home
            return mine and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def fill_sweep(product: Product, count: int) -> list[int]:
    """Write a finished sweep into the product's database; the numbers of its runs."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.e2e.sweep", "--runs", str(count)],
        cwd=ROOT,
        env=clean_environment() | {"R1WEB_HOME": str(product.home)},
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    numbers: list[int] = ast.literal_eval(said.stdout)
    return numbers


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead the product to somebody else's data."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in SETTINGS and not name.startswith("R1WEB_")
    }
