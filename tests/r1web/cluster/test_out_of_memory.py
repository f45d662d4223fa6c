"""The kernel kills a trainer for memory, in a control group that has little."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from r1web.runs.models import State
from tests.r1web.cluster.test_supervisor import (
    NEVER_AGAIN,
    AttemptOf,
    MakeRun,
    Supervise,
    steps_of,
)
from tests.r1web.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT_BYTES = 400 << 20
LIMITS = {
    "memory": {"memory.limit_in_bytes": LIMIT_BYTES, "memory.memsw.limit_in_bytes": LIMIT_BYTES},
    "": {"memory.max": LIMIT_BYTES, "memory.swap.max": 0},
}
"""By version: the first has a hierarchy of its own for memory. What there is no file for is not
limited, as swap on a kernel without."""


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of little memory; skips, with the reason, where none can be made."""
    version = "memory" if Path("/sys/fs/cgroup/memory").is_dir() else ""
    group = Path("/sys/fs/cgroup", version, f"r1web-test-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"needs the right to make a control group: {error}")
    limits = {group / name: value for name, value in LIMITS[version].items()}
    for path, value in limits.items():
        if path.exists():
            path.write_text(str(value))
    if not next(iter(limits)).exists():
        group.rmdir()
        pytest.skip("needs control groups that limit memory")
    yield group
    until(lambda: _remove(group))


def _remove(group: Path) -> bool:
    """Whether it is gone; it stays while a process in it is still ending."""
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


def test_a_trainer_that_the_kernel_kills_for_memory_is_told_as_such(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise, small_group: Path
) -> None:
    run = make_run(**NEVER_AGAIN)
    join = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(small_group)]
    attempt = supervise(attempt_of(run), "greedy", within=join).wait()
    run.refresh_from_db()
    assert (run.state, run.reason) == (
        State.FAILED,
        "The trainer was killed because the machine ran out of memory (killed by SIGKILL).",
    )
    assert attempt.exit_code == -9
    assert steps_of(run) == [1]
