"""Names a process so that neither a number used again nor a clock set anew makes it another."""

import psutil

SAME_S = 0.05
SAME_BY_CLOCK_S = 2.0
"""The machine's start, by the clock, moves by a second now and then."""
BY_CLOCK = 1e9
"""What is larger was written by a release that noted the time of day: seconds since 1970."""


def since_boot(process: psutil.Process) -> float:
    """When it was made, seconds after the machine's start: setting the clock changes nothing."""
    return process.create_time() - psutil.boot_time()


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether that very process lives: the same number, made at the same time, not a zombie.

    `created` is what `since_boot` gave, or None when it is not known.
    """
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        return _made_at(process, created) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _made_at(process: psutil.Process, created: float | None) -> bool:
    if created is None:
        return True
    if created > BY_CLOCK:
        return abs(process.create_time() - created) < SAME_BY_CLOCK_S
    return abs(since_boot(process) - created) < SAME_S
