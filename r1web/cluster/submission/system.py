"""What SLURM and Kubernetes can be asked, and what they answer."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from r1web.runs.models import State

ANSWERS_WITHIN_S = 60


class SiteError(Exception):
    """The system refused, or does not answer; the message is its own, one line."""


class Phase(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"


@dataclass(frozen=True)
class JobView:
    """A job as the system has it."""

    key: str
    """What the system calls it."""
    phase: Phase
    why: str = ""
    """Why it waits, in the system's words; or how it ended, a sentence."""
    where: str = ""
    """The machines that it runs on."""
    outcome: State = State.FAILED
    """Of one that is over. STOPPED: it was taken away, by no fault of the run's."""


@dataclass(frozen=True)
class Named:
    """A job as we know it; `key` is empty until it was submitted."""

    name: str
    key: str
    since: float
    """Unix time from which on it may exist."""


class System(Protocol):
    title: str
    suffix: str
    """Of the file that is submitted."""

    def submit(self, file: Path) -> str:
        """Hand the file in; what the system calls the job. Raises SiteError."""

    def look(self, jobs: Sequence[Named]) -> Mapping[str, JobView]:
        """Those of the jobs that it knows, by name, in one question. Raises SiteError."""

    def cancel(self, key: str, *, only_waiting: bool) -> None:
        """End the job, or only if it still waits; one that is over is none. Raises SiteError."""

    def check(self, file: Path) -> str:
        """What the system says to the file without taking it. Raises SiteError."""

    def missing_rights(self) -> list[str]:
        """What the worker has to do there and may not. Raises SiteError."""

    def log_end(self, key: str, file: Path) -> str:
        """The end of what the job's script itself wrote."""


def ask(*words: str) -> str:
    """What a program of the system writes. Raises SiteError with what it complains of."""
    return run(*words).stdout


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The program, which has ended well. Raises SiteError."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWERS_WITHIN_S,
            check=False,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )
    except FileNotFoundError as error:
        raise SiteError(f"{words[0]} is not on the PATH of the worker.") from error
    except subprocess.TimeoutExpired as error:
        raise SiteError(f"{words[0]} gave no answer within {ANSWERS_WITHIN_S} s.") from error
    if done.returncode != 0:
        raise SiteError(_complaint(done.stderr) or f"{words[0]} ended with {done.returncode}.")
    return done


def _complaint(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " ".join(lines)[:300]
