"""How often the kernel has killed for memory, by the nearest counter there is."""

from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


def oom_kills() -> int:
    """Processes killed so far: in this process's control group, else in the container's, else on
    the whole machine."""
    for path in _counters():
        for line in _lines(path):
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _counters() -> Iterator[Path]:
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":  # version 1, which counts for each group alone
            yield GROUPS / "memory" / path.lstrip("/") / "memory.oom_control"
        elif not controllers:
            yield GROUPS / path.lstrip("/") / "memory.events"
    # A container may be told its group's path outside, and see the group itself as the root.
    yield GROUPS / "memory.events"
    yield GROUPS / "memory" / "memory.oom_control"
    yield Path("/proc/vmstat")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
