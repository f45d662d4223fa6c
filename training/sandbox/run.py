"""Run one program that nobody trusts, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator

from training.sandbox import plan as plans
from training.sandbox.limits import ERRORS, OUTPUT, Kind, Limits, Outcome, Reason, SandboxError

_SET_UP_SECONDS = 60.0
"""For the launcher to set up and, later, to go: machines can be very busy."""
_SIGXCPU, _SIGKILL = 128 + 24, 128 + 9


def run_in(kind: Kind, program: str, *, stdin: str = "", limits: Limits | None = None) -> Outcome:
    """Run Python source in a sandbox made by `kind`.

    Blocks until nothing of it is left; the thread that calls must live as long. When the calling
    process dies, the program is killed. Raises SandboxError when the sandbox itself fails.
    """
    limits = limits or Limits()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_memory_file(text)) for text in (program, stdin, "", "")]
        source, given, output, errors = files
        told, report = os.pipe()
        stack.callback(os.close, told)
        process = _start(kind, limits, report, source, given, output, errors)
        stack.enter_context(_killed_at_the_end(process, told))
        _await_start(told, errors)
        in_time = _await_end(told, time.monotonic() + limits.wall_seconds)
        if in_time:
            process.wait()
        status = process.returncode if in_time else _SIGKILL
        stderr = _tail(errors)
        return Outcome(_reason(status, in_time, stderr), status, _head(output), stderr)


def _start(
    kind: Kind, limits: Limits, report: int, source: int, given: int, output: int, errors: int
) -> subprocess.Popen[bytes]:
    try:
        plan = plans.make_plan(limits, report=report, program=source, kind=kind)
        return subprocess.Popen(
            [plans.interpreter(), "-I", "-S", str(plans.LAUNCHER), json.dumps(plan)],
            stdin=given, stdout=output, stderr=errors, pass_fds=(report, source), env={},
            cwd="/", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise SandboxError(f"the launcher does not start ({error})") from error
    finally:
        os.close(report)


@contextlib.contextmanager
def _memory_file(text: str) -> Iterator[int]:
    """An anonymous file: unlike a pipe it needs nobody to read, and FSIZE limits it."""
    descriptor = os.memfd_create("sandbox")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text.encode(errors="replace"))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes], told: int) -> Iterator[None]:
    """However this ends, the launcher is dead afterwards, and so is everything in the sandbox."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_SET_UP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not _await_end(told, time.monotonic() + _SET_UP_SECONDS):
            raise SandboxError("a program outlives its sandbox")


def _await_start(told: int, errors: int) -> None:
    """The launcher tells "+" or what stops it; ending without a word is trouble too."""
    if not _readable(told, _SET_UP_SECONDS):
        raise SandboxError(f"it is not set up after {_SET_UP_SECONDS:.0f} s")
    message = os.read(told, 4096)
    if message != b"+":
        raise SandboxError(message.decode() or _tail(errors).strip() or "the launcher was killed")


def _await_end(told: int, deadline: float) -> bool:
    """Wait until nobody can write any more: launcher and keeper are gone, and so is all else."""
    while _readable(told, deadline - time.monotonic()):
        if not os.read(told, 4096):
            return True
    return False


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], max(0.0, seconds))[0])


def _reason(status: int, in_time: bool, stderr: str) -> Reason:
    if not in_time or status == _SIGXCPU:
        return "timed out"
    if status == 0:
        return "ok"
    if status > 128 or status < 0:
        return "killed"
    lines = stderr.strip().splitlines()
    return "out of memory" if lines and lines[-1].startswith("MemoryError") else "failed"


def _head(descriptor: int) -> str:
    return os.pread(descriptor, OUTPUT, 0).decode(errors="replace")


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, ERRORS, max(0, size - ERRORS)).decode(errors="replace")
