"""Processes of the stack: logged, started again with patience, stopped, tidied up."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from r1web.local.processes import CALM_S, Child, last_line, record, rotate, stop_leftovers
from r1web.local.stack import STOPS, Stack, StopRequested, on_signals

PATIENCE_S = 20.0
WAITS = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"

Make = Callable[[str], Child]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes children that run a Python program; none outlives the test."""
    made: list[Child] = []

    def make(program: str) -> Child:
        log = tmp_path / f"{len(made)}.log"
        made.append(Child("test", [sys.executable, "-c", program], log))
        return made[-1]

    yield make
    for child in made:
        child.stop(0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(child: Child) -> Child:
    """The child, once it has said that it is ready."""
    child.start()
    wait_for(lambda: "ready" in child.log.read_text())
    return child


def pid_of(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def test_a_terminals_ctrl_c_does_not_reach_it(make: Make) -> None:
    child = started(make(WAITS))

    assert os.getpgid(pid_of(child)) != os.getpgid(0)


def test_what_it_is_told_comes_by_standard_input(make: Make) -> None:
    child = make("import sys; print('heard', sys.stdin.read())")
    child.stdin = "a secret"

    child.start()
    wait_for(lambda: child.ended() is not None)

    assert last_line(child.log) == "heard a secret"


def test_a_deaf_process_is_killed(make: Make) -> None:
    child = started(make(DEAF))

    child.stop(patience_s=0.05)

    assert child.ended() == -signal.SIGKILL


def test_a_process_that_keeps_dying_waits_longer_each_time(make: Make) -> None:
    child = make("raise SystemExit(3)")
    pauses = []
    for _ in range(7):
        child.start()
        wait_for(lambda: child.ended() == 3)
        pauses.append(child.plan_restart())

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert not child.due()


def test_a_process_that_dies_after_a_calm_life_starts_again_at_once(make: Make) -> None:
    child = make("raise SystemExit(3)")
    child.start()
    wait_for(lambda: child.ended() == 3)
    child.started -= CALM_S

    assert child.plan_restart() == 0
    assert child.due()


def test_the_last_logs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for start in ("first", "second", "third", "fourth", "fifth"):
        rotate(log)
        log.write_text(start)

    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {
        "web.log": "fifth",
        "web.log.1": "fourth",
        "web.log.2": "third",
        "web.log.3": "second",
    }


def test_what_a_crash_left_behind_is_stopped(make: Make, tmp_path: Path) -> None:
    child = started(make(WAITS))
    record(tmp_path / "processes.json", [child])

    assert stop_leftovers(tmp_path / "processes.json", PATIENCE_S) == 1
    assert not psutil.pid_exists(pid_of(child))
    assert stop_leftovers(tmp_path / "processes.json", PATIENCE_S) == 0


def test_a_stranger_with_a_recorded_pid_is_left_alone(make: Make, tmp_path: Path) -> None:
    child = started(make(WAITS))
    created = psutil.Process(pid_of(child)).create_time()
    path = tmp_path / "processes.json"
    path.write_text(json.dumps([{"pid": pid_of(child), "created": created - 60}]))

    assert stop_leftovers(path, PATIENCE_S) == 0
    assert child.ended() is None


def test_a_torn_record_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    path.write_text('[{"pid": 1')

    assert stop_leftovers(path, PATIENCE_S) == 0


class StopsWhenDropped:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_stop_is_heeded_though_python_dropped_what_its_handler_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: dropped.append(args.exc_type))
    stack = Stack(tmp_path, port=1)
    given = {number: signal.getsignal(number) for number in STOPS}
    try:
        on_signals(stack)
        StopsWhenDropped()
        assert dropped == [StopRequested]
        with pytest.raises(StopRequested):
            stack.look_after()
    finally:
        for number, handler in given.items():
            signal.signal(number, handler)
