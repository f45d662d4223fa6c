"""One worker process, seen from the pool: started, asked, watched, killed."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from training.config import RewardConfig, TaskConfig
from training.rewards.frames import FrameReader, write_frame
from training.rewards.progress import Doing, Progress
from training.rewards.reward import TIMED_OUT, RewardError

START_LIMIT_S = 300.0
"""How long a worker may take to be ready: a task may have to read a large file."""
_LOOK_S = 0.1
"""How often to look whether a silent worker is still there. Its answers are waited for without
delay; its death shows in the pipe only when none of its children holds the other end."""
_ROOT = Path(__file__).resolve().parents[2]


class WorkerLostError(Exception):
    """The worker is dead and buried, with all its children."""

    def __init__(self, reason: str, doing: Doing | None) -> None:
        super().__init__(reason)
        self.doing = doing
        """What it was at; None when that was no rule."""


class WorkerProcess:
    """For one thread, which is also the only one to end it."""

    def __init__(
        self, task: TaskConfig, config: RewardConfig, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Start it; it is of use after `wait_ready`. `stop`: whether to give it up, asked ten times
        a second while waiting."""
        self._timeout_s, self._stop = config.timeout_s, stop
        self._started = time.monotonic()
        with tempfile.TemporaryFile() as page:
            self._progress = Progress(page.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "training.rewards.worker", str(page.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=[page.fileno()],
                env=_environment(),
                process_group=0,
            )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the pipes to a reward worker did not open")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._answers = FrameReader(self._stdout.fileno())
        self._poll = select.poll()
        self._poll.register(self._answers.fd, select.POLLIN)
        with suppress(BrokenPipeError):  # it died at once: wait_ready tells
            write_frame(self._stdin.fileno(), pickle.dumps((task, config)))

    def wait_ready(self) -> None:
        """Raises RewardError when it cannot do its work."""
        try:
            sentence = self._next(self._check_start)
        except WorkerLostError as lost:
            raise RewardError(
                f"reward: a reward worker did not start: {lost}; the output above has what it said."
            ) from lost
        if sentence:
            self.kill()
            raise RewardError(sentence.decode())

    def send(self, job: bytes) -> None:
        """Raises WorkerLostError."""
        try:
            write_frame(self._stdin.fileno(), job)
        except BrokenPipeError:
            raise self._lost() from None

    def answer(self) -> bytes:
        """The next answer. Raises WorkerLostError, also when a rule runs longer than it may."""
        return self._next(self._check_rule)

    def kill(self) -> None:
        """End it and all that it started."""
        if self._process.returncode is None:  # until it is waited for its group's number is its own
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._stdin.close()
            self._stdout.close()

    def _next(self, check: Callable[[], None]) -> bytes:
        while (frame := self._answers.take()) is None:
            if self._poll.poll(_LOOK_S * 1000):
                if not self._answers.fill():
                    raise self._lost()
            elif self._has_ended():
                raise self._lost()
            else:
                check()
        return frame

    def _has_ended(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def _check_start(self) -> None:
        if self._stop() or time.monotonic() - self._started > START_LIMIT_S:
            raise self._lost(f"it was not ready after {START_LIMIT_S:g} s")

    def _check_rule(self) -> None:
        if self._stop():
            raise self._lost("the run ended")
        doing = self._progress.read()
        if doing is None or time.monotonic() - doing.since <= self._timeout_s:
            return
        lost = self._lost(f"{TIMED_OUT} after {self._timeout_s:g} s")
        if lost.doing != doing:
            lost.doing = None  # it had gone on to something else before its end
        raise lost

    def _lost(self, reason: str | None = None) -> WorkerLostError:
        self.kill()
        return WorkerLostError(reason or _ended(self._process.returncode), self._progress.read())


def _ended(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"


def _environment() -> dict[str, str]:
    """The trainer's own, with one thread each, sets in one order, and this package to be found."""
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
