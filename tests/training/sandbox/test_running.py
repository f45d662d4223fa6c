"""What a harmless program gets, and what is said where there is no sandbox."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.training.sandbox.outside import inside
from training import sandbox
from training.sandbox import SandboxError, plan
from training.sandbox.limits import ERRORS
from training.sandbox.run import run_in
from training.sandbox.seccomp import REFUSED, seccomp_filter


@pytest.mark.parametrize(
    ("program", "reason", "status"),
    [
        ("print('done')", "ok", 0),
        ("raise SystemExit(3)", "failed", 3),
        ("1 / 0", "failed", 1),
        ("def f(:", "failed", 1),
        ("raise MemoryError", "out of memory", 1),
        ("import os; os.abort()", "killed", 128 + 6),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed", 128 + 11),
    ],
)
def test_how_a_program_ends_is_told(program: str, reason: str, status: int) -> None:
    outcome = inside(program)
    if outcome is not None:
        assert (outcome.reason, outcome.exit) == (reason, status)


def test_input_goes_in_and_both_outputs_come_out() -> None:
    outcome = inside(
        "import sys; print(sum(map(int, sys.stdin))); print('größer', file=sys.stderr); exit()",
        stdin="\n".join(map(str, range(50_000))),
    )
    if outcome is not None:
        assert (outcome.stdout, outcome.stderr) == (f"{sum(range(50_000))}\n", "größer\n")
        assert outcome.reason == "ok"


def test_the_end_of_a_long_error_is_kept() -> None:
    outcome = inside("raise ValueError('x' * 10_000 + 'the end')")
    if outcome is not None:
        assert outcome.stderr.endswith("the end\n")
        assert len(outcome.stderr) == ERRORS


def test_the_same_program_prints_the_same() -> None:
    outcomes = [inside("print({str(i) for i in range(50)}, hash('x'))") for _ in range(2)]
    assert outcomes[0] == outcomes[1]


def test_threads_and_the_standard_library_work() -> None:
    outcome = inside("""
import sys, threading, hashlib, zlib, json, decimal, collections, heapq, re, ctypes, ssl, sqlite3
threading.stack_size(2**26)
sys.setrecursionlimit(10**6)
def depth(n): return 0 if n == 0 else 1 + depth(n - 1)
thread = threading.Thread(target=lambda: print(depth(50_000)))
thread.start()
thread.join()
""")
    if outcome is not None:
        assert (outcome.reason, outcome.stdout) == ("ok", "50000\n")


@pytest.fixture
def _no_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plan, "_DEVICES", ["/dev/there-is-no-such-device"])
    sandbox._probe.cache_clear()
    yield
    sandbox._probe.cache_clear()


@pytest.mark.usefixtures("_no_sandbox")
def test_a_machine_that_cannot_is_found_out_and_nothing_runs() -> None:
    reason = sandbox.refusal()
    assert reason is not None
    assert "namespaces: " in reason
    with pytest.raises(SandboxError) as refused:
        sandbox.run("print(1)")
    assert str(refused.value) == reason


@pytest.mark.usefixtures("_no_sandbox")
def test_trouble_in_setting_up_is_told_and_is_no_outcome() -> None:
    with pytest.raises(SandboxError, match=r"there-is-no-such-device|not permitted|namespace"):
        run_in("namespaces", "print(1)")


def test_a_launcher_that_dies_without_a_word_is_no_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan, "interpreter", lambda: "/bin/false")
    with pytest.raises(SandboxError, match="the launcher was killed"):
        run_in("namespaces", "print(1)")


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    sandbox._probe.cache_clear()
    try:
        assert sandbox.refusal() == "a sandbox needs Linux, this is darwin"
    finally:
        sandbox._probe.cache_clear()


def test_a_machine_whose_system_calls_are_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="riscv64"):
        seccomp_filter("riscv64")


@pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
def test_the_filter_decides_by_number(machine: str, column: int) -> None:
    """Interpreted here by a few lines of our own, as the kernel would."""
    code = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    clone = {"x86_64": 56, "aarch64": 220}[machine]
    execve = {"x86_64": 59, "aarch64": 221}[machine]
    allowed, refused, killed = 0x7FFF0000, 0x00050001, 0x80000000
    for numbers in REFUSED.values():
        assert _decide(code, architecture, numbers[column], 0) == refused
    assert _decide(code, architecture, clone, 0x10000000 | 17) == refused
    assert _decide(code, architecture, clone, 17) == allowed
    assert _decide(code, architecture, execve, 0x10000000) == allowed
    assert _decide(code, architecture, 0x40000000 | 1, 0) == refused
    assert _decide(code, 0x40000003, execve, 0) == killed


def _decide(code: list[tuple[int, ...]], architecture: int, number: int, argument: int) -> int:
    data = {0: number, 4: architecture, 16: argument}
    at = accumulator = 0
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == 0x06:
            return k
        if operation == 0x20:
            accumulator = data[k]
            continue
        holds = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}
        at += if_true if holds[operation] else if_false
