"""The trainer's process group: the launcher leads it, and its ranks are in it."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from r1web.cluster.services import of_rank
from r1web.cluster.services.nodes import node_name
from r1web.processes import is_alive, since_boot

logger = logging.getLogger(__name__)

RECORD = "launcher.json"
"""Written beside the journal at once: a supervisor that follows finds the launcher by it, even
when the database was away."""
ONCE_TOLD = ["/bin/sh", "-c", 'read -r go && exec "$0" "$@" </dev/null']
"""Becomes the command when a line comes; ends when whoever would send it has died."""
STRAGGLERS_SAVE_S = 5.0
DEATH_S = 10.0


@dataclass
class Trainer:
    pid: int
    created: float
    """Creation time, seconds since the machine's start; pid and this name a process."""
    log_start: int
    """Where its output begins in trainer.log, bytes; before it stands an earlier attempt's."""
    child: subprocess.Popen[bytes] | None = None
    """None for a launcher that another supervisor started: its exit code cannot be known."""

    def is_alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return is_alive(self.pid, self.created)

    @property
    def exit_code(self) -> int | None:
        """Negative: the signal that ended it. None while it lives, and for an adopted one."""
        return self.child.returncode if self.child is not None else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def members(self) -> list[psutil.Process]:
        """Living processes of the group, in whatever depth."""
        return members_of_groups([self.pid])[self.pid]

    def end_stragglers(self) -> int:
        """Leave nothing of the group: SIGTERM, a moment to save, SIGKILL. How many there were.

        A launcher of which threads are left counts as ended; it is waited for all the same, as it
        has no exit code before, and nobody would ask again while the database is away.
        """
        left = self.members()
        if left:
            self.signal(signal.SIGTERM)
            if not self._wait_empty(STRAGGLERS_SAVE_S):
                self.signal(signal.SIGKILL)
                self._wait_empty(DEATH_S)
        if self.child is not None and self.is_alive():
            self.signal(signal.SIGKILL)
            self._reap(self.child, DEATH_S)
        return len(left)

    def _wait_empty(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while left := self.members():
            if time.monotonic() > deadline:
                return False
            if self.child is not None and self.is_alive():
                self._reap(self.child, 0.1)  # psutil would take its exit code away
            else:
                psutil.wait_procs(left, timeout=0.1)
        return True

    def _reap(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)


def start_trainer(
    command: Sequence[str],
    *,
    attempt_id: int,
    node_rank: int = 0,
    folder: Path,
    cwd: Path,
    environment: Mapping[str, str],
) -> Trainer:
    """Start the launcher as the leader of a new group, its output going to trainer.log.

    It begins only once it is written down: one that no later supervisor could find must not live.
    """
    with (folder / of_rank("trainer.log", node_rank)).open("ab") as log:
        log_start = log.tell()
        child = subprocess.Popen(
            [*ONCE_TOLD, *command],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    created = since_boot(psutil.Process(child.pid))
    trainer = Trainer(child.pid, created, log_start, child)
    record = {
        "attempt": attempt_id,
        "node": node_name(),
        "pid": child.pid,
        "created": created,
        "log_start": log_start,
    }
    try:
        (folder / of_rank(RECORD, node_rank)).write_text(json.dumps(record), encoding="utf-8")
    except OSError:  # a full disk: a trainer that no later supervisor could find must not live
        trainer.signal(signal.SIGKILL)
        child.wait()
        raise
    assert child.stdin is not None  # noqa: S101  # it was opened as a pipe
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(b"go\n")
    return trainer


def find_trainer(folder: Path, attempt_id: int, node_rank: int = 0) -> Trainer | None:
    """The launcher that an earlier supervisor of this part started, living or not."""
    record = _read_record(folder / of_rank(RECORD, node_rank))
    return _of(record) if record and record["attempt"] == attempt_id else None


def end_abandoned(folder: Path, attempt_id: int) -> None:
    """End what this node still runs of attempts before, given up while they lived."""
    here = node_name()
    records = [_read_record(path) for path in folder.glob(RECORD.replace(".", "*."))]
    abandoned = [
        _of(record)
        for record in records
        if record and record["attempt"] != attempt_id and record.get("node", here) == here
    ]
    ended = sum(trainer.end_stragglers() for trainer in abandoned if trainer.is_alive())
    if ended:
        logger.warning("Ended %s processes that an earlier attempt had left", ended)


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record


def _of(record: Mapping[str, Any]) -> Trainer:
    return Trainer(record["pid"], record["created"], record["log_start"])


def members_of_groups(leaders: Collection[int]) -> dict[int, list[psutil.Process]]:
    """Living processes of each of these groups, in whatever depth."""
    members: dict[int, list[psutil.Process]] = {leader: [] for leader in leaders}
    for process in psutil.process_iter():
        group = members.get(_group_of(process))
        if group is not None and _is_living(process):
            group.append(process)
    return members


def _group_of(process: psutil.Process) -> int:
    """0, which is no group's number, when it has ended."""
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0


def _is_living(process: psutil.Process) -> bool:
    """Not if it has ended but was not waited for."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
