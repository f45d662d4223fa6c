"""The processes of the stack: started in sessions of their own, watched, started again, stopped."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from r1web.processes import is_alive, since_boot

KEPT_LOGS = 3
CALM_S = 60.0
"""A process that lived this long is started again at once when it dies."""
LONGEST_PAUSE_S = 30.0


def rotate(log: Path) -> None:
    """Make room for a new log, keeping the last few as .1, .2, …"""
    for number in range(KEPT_LOGS, 0, -1):
        older = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))


def last_line(log: Path) -> str:
    """The newest line of a log that says something."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


@dataclass
class Child:
    """One process of the stack and its log."""

    name: str
    command: list[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        """Start it in a session of its own, so that a terminal's Ctrl-C reaches only `up`."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.env},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
        assert self.process.stdin is not None  # noqa: S101  # it was opened as a pipe
        with self.process.stdin as pipe:
            pipe.write(self.stdin)
        self.started = time.monotonic()

    def ended(self) -> int | None:
        """Its exit code when it has been started and has ended by now."""
        return None if self.process is None else self.process.poll()

    def plan_restart(self) -> float:
        """Seconds until it may start again: none after a calm life, more with each quick death."""
        self.process = None
        calm = time.monotonic() - self.started >= CALM_S
        self.failures = 0 if calm else self.failures + 1
        pause = 0.0 if calm else min(2.0 ** (self.failures - 1), LONGEST_PAUSE_S)
        self.not_before = time.monotonic() + pause
        return pause

    def due(self) -> bool:
        return self.process is None and time.monotonic() >= self.not_before

    def send(self, number: signal.Signals) -> None:
        """Signal the whole group, if it lives."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def stop(self, patience_s: float) -> None:
        """SIGTERM, then SIGKILL to the group when it takes longer than `patience_s`."""
        if self.process is None:
            return
        self.send(signal.SIGTERM)
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait()


def record(path: Path, children: Iterable[Child]) -> None:
    """Write down which processes live, so that the next start can tidy up after a crash."""
    living = [child.process.pid for child in children if child.process and child.ended() is None]
    entries = []
    for pid in living:
        try:
            entries.append({"pid": pid, "created": since_boot(psutil.Process(pid))})
        except psutil.NoSuchProcess:
            continue
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(entries))
    beside.replace(path)


def stop_leftovers(path: Path, patience_s: float) -> int:
    """Stop what an `up` that crashed has left behind; how many processes that were.

    A process is only touched when its pid and its time of creation are the recorded ones.
    """
    try:
        entries = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0
    found = []
    for entry in entries:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(entry["pid"])
            if is_alive(process.pid, entry["created"]):
                process.terminate()
                found.append(process)
    _, stubborn = psutil.wait_procs(found, timeout=patience_s)
    for process in stubborn:
        process.kill()
    path.unlink()
    return len(found)
