"""What a sandboxed program may use, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MIB = 2**20

Kind = Literal["bubblewrap", "namespaces"]
"""What makes the sandbox."""
Reason = Literal["ok", "failed", "timed out", "out of memory", "killed"]


class SandboxError(RuntimeError):
    """The sandbox could not be set up: nothing is known about the program."""


@dataclass(frozen=True)
class Limits:
    """All that is used together is bounded by `processes` times `memory`, plus `disk`."""

    seconds: int = 10
    """Of CPU time, each process. On the clock it may take three times as long: a busy machine
    shall not fail a program that is fast enough."""
    memory: int = 512 * MIB
    """Bytes of address space, each process."""
    processes: int = 4
    """And threads."""
    file: int = 8 * MIB
    """Bytes of a file, and of each output."""
    disk: int = 16 * MIB
    """Bytes of all files together, in memory."""

    @property
    def wall_seconds(self) -> float:
        return 3.0 * self.seconds


@dataclass(frozen=True)
class Outcome:
    reason: Reason
    """ok: it ended by itself with status 0; failed: by itself, otherwise; killed: by a signal."""
    exit: int
    """Exit status, 128 + n for signal n."""
    stdout: str
    """Its beginning, up to `OUTPUT` bytes."""
    stderr: str
    """Its end, up to `ERRORS` bytes."""


OUTPUT = 1 * MIB
ERRORS = 4096
