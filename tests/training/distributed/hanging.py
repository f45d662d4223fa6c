"""The trainer, one rank of which comes to grief as it begins to train in the second step.

Called as the trainer is. GRIEF in the environment says which rank and what: 1:sleep, say. The
monitor begins to look only then, so that its limit can be short however busy the machine is.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable

from training.cli.main import main
from training.distributed import watchdog
from training.distributed.watchdog import Watchdog
from training.events import Phase

RANK, GRIEF = os.environ["GRIEF"].split(":")
enter, start_monitor = Watchdog.enter, watchdog._start_monitor
start: Callable[[], subprocess.Popen[bytes]] | None = None


def start_later(*arguments: object) -> None:
    global start  # noqa: PLW0603 - one for the process, as its watchdog is
    start = lambda: start_monitor(*arguments)  # noqa: E731


def hold_the_interpreter() -> None:
    """Wait in C, and for ever, for a mutex that this thread has."""
    library, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
    for _ in range(2):
        library.pthread_mutex_lock(mutex)


def fail() -> None:
    raise ValueError("the disk is on fire")


GRIEFS: dict[str, Callable[[], object]] = {
    "sleep": lambda: time.sleep(10_000),  # the hang that the watchdog has to end
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "lock": hold_the_interpreter,
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "fail": fail,
}


def enter_and_grieve(self: Watchdog, phase: Phase, step: int = 0) -> None:
    enter(self, phase, step)
    if (phase, step) != ("training", 2):
        return
    if start is not None:
        self._monitor = start()
    if os.environ["RANK"] == RANK:
        GRIEFS[GRIEF]()


if __name__ == "__main__":
    watchdog._start_monitor = start_later
    Watchdog.enter = enter_and_grieve
    main()
