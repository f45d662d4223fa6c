"""What the tests of the sandbox need from the host: processes by a word in their command line."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from training import sandbox
from training.sandbox import Limits, Outcome, SandboxError

SLEEPER = """
import os, sys
os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)", {token!r}])
"""
"""A program that stays, under a name the host can find."""


def inside(program: str, *, stdin: str = "", limits: Limits | None = None) -> Outcome | None:
    """What came of the program; None where the machine has no sandbox and so ran nothing."""
    reason = sandbox.refusal()
    if reason is None:
        return sandbox.run(program, stdin=stdin, limits=limits)
    with pytest.raises(SandboxError) as refused:
        sandbox.run(program, stdin=stdin, limits=limits)
    assert str(refused.value) == reason
    return None


def outside(program: str) -> str:
    """What the same program prints without a sandbox: proof that the attempt is a real one."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def processes_with(token: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and token.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def await_death(pid: int, seconds: float) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)
