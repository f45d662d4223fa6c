"""Tells what this rank is at, and has somebody look whether it gets on.

The rank itself may hang in C, hold the interpreter's lock or be stopped, so a process of its own
looks: `training.distributed.monitor`, one on each machine, which ends with the rank that started
it.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from training.distributed import phases
from training.distributed.phases import Beat
from training.events import Phase

STACK_SIGNAL = signal.SIGUSR1
"""Has a rank's stacks written to its file, by C code that needs no lock."""
_ROOT = Path(__file__).resolve().parents[2]


class Watchdog:
    """This rank's, from its first phase to `close`; `limit_s` 0 lets nobody look."""

    def __init__(self, run_dir: Path, limit_s: int) -> None:
        """Raises OSError when the run directory cannot be written."""
        rank, self._run_dir = int(os.environ.get("RANK", "0")), run_dir
        self._others = set(range(int(os.environ.get("WORLD_SIZE", "1")))) - {rank}
        self._beat = Beat(
            rank, "", 0, 0, os.getpid(), socket.gethostname(), os.getpgrp(), phases.job()
        )
        phases.path_of(run_dir, rank).parent.mkdir(exist_ok=True)
        self._stacks = phases.stack_path(run_dir, rank).open("wb")
        faulthandler.register(STACK_SIGNAL, self._stacks, all_threads=True)
        self._monitor: subprocess.Popen[bytes] | None = None
        self._lost = False
        self._beat = replace(self._beat, phase="loading", count=1)
        phases.write(run_dir, self._beat)
        if limit_s and os.environ.get("LOCAL_RANK", "0") == "0":
            self._monitor = _start_monitor(run_dir, limit_s, rank, len(self._others) + 1)

    def enter(self, phase: Phase, step: int = 0) -> None:
        """This rank begins a phase."""
        self._tell(replace(self._beat, phase=phase, step=step, count=self._beat.count + 1))

    def fail(self, reason: str) -> None:
        """Leave word of why this rank ends, for those that it leaves behind."""
        self._tell(replace(self._beat, error=reason))

    def _tell(self, beat: Beat) -> None:
        """Never stops training: where it cannot be written, the old word is taken back, so that
        nobody takes the rank for one that hangs."""
        self._beat = beat
        try:
            phases.write(self._run_dir, beat)
        except OSError as error:
            path = phases.path_of(self._run_dir, beat.rank)
            if not self._lost:
                sys.stderr.write(f"{path} cannot be written, so nobody watches it: {error}\n")
            self._lost = True
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def others_end(self) -> str | None:
        """How another rank came to its end before this one, in a sentence, if one did."""
        beats = [phases.read(self._run_dir, rank) for rank in sorted(self._others)]
        known = [beat for beat in beats if beat is not None and beat.job == self._beat.job]
        for beat in known:
            if beat.error:
                return f"Rank {beat.rank} failed: {beat.error}"
        for beat in known:
            if beat.dead:
                return (
                    f"Rank {beat.rank} died in “{beat.phase}” without a word: somebody or the "
                    "machine killed it."
                )
        return None

    def close(self) -> None:
        """The rank is done, or its word has been left."""
        faulthandler.unregister(STACK_SIGNAL)
        self._stacks.close()
        phases.stack_path(self._run_dir, self._beat.rank).unlink(missing_ok=True)
        if self._beat.error is None:
            phases.path_of(self._run_dir, self._beat.rank).unlink(missing_ok=True)
        if self._monitor is not None:
            self._monitor.communicate()
        with suppress(OSError):  # others are still there
            phases.path_of(self._run_dir, 0).parent.rmdir()


def _start_monitor(run_dir: Path, limit_s: int, rank: int, ranks: int) -> subprocess.Popen[bytes]:
    """It ends when the pipe does, however this process comes to its end."""
    words = (str(run_dir.resolve()), str(limit_s), str(rank), str(ranks))
    return subprocess.Popen(
        [sys.executable, "-m", "training.distributed.monitor", *words],
        stdin=subprocess.PIPE,
        cwd=_ROOT,
    )
