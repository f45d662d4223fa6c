"""What each rank of a job is at, in RUN_DIR/phases: a small file a rank, replaced at every change.

It is a file, so that it can be read when the rank cannot answer, and from other machines.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError

DIRECTORY = "phases"


@dataclass(frozen=True)
class Beat:
    """The last word of a rank."""

    rank: int
    phase: str
    step: int
    count: int
    """Rises with every change."""
    pid: int
    host: str
    group: int
    """Process group: that of the job's launcher on this machine."""
    job: str = ""
    """What the ranks of one job have in common, on whatever machine; see `job`."""
    error: str | None = None
    """Why the rank ended, in a sentence, when it failed."""

    @property
    def here(self) -> bool:
        """Whether it is of this machine and this job, so that its pid may be used."""
        return self.host == socket.gethostname() and self.group == os.getpgrp()

    @property
    def dead(self) -> bool:
        """Whether the process is known to be gone."""
        try:
            return self.here and psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True


_BEAT = TypeAdapter(Beat)


def job() -> str:
    """TRAINING_JOB as whoever starts a job on several nodes sets it, else the launcher's group."""
    return os.environ.get("TRAINING_JOB") or str(os.getpgrp())


def path_of(run_dir: Path, rank: int) -> Path:
    return run_dir / DIRECTORY / f"rank-{rank:05d}.json"


def stack_path(run_dir: Path, rank: int) -> Path:
    """Where a rank's stack is put when somebody asks for it."""
    return path_of(run_dir, rank).with_suffix(".stack")


def write(run_dir: Path, beat: Beat) -> None:
    path = path_of(run_dir, beat.rank)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(_BEAT.dump_json(beat))
    fresh.replace(path)


def read(run_dir: Path, rank: int) -> Beat | None:
    """None for a rank that has not begun or that has left."""
    try:
        return _BEAT.validate_json(path_of(run_dir, rank).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
