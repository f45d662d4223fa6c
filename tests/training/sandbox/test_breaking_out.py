"""Programs that try to get out, each really run; the host stays as it was."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.training.sandbox.outside import (
    SLEEPER,
    await_death,
    inside,
    outside,
    processes_with,
)
from training import sandbox
from training.sandbox import MIB, Limits

CALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    print(name, "went through" if result >= 0 else os.strerror(ctypes.get_errno()))
"""


def test_files_of_the_host_are_not_there(tmp_path: Path) -> None:
    secret = secrets.token_hex(16)
    planted = tmp_path / "secret.txt"
    planted.write_text(secret)
    program = f"""
import os
for path in ({str(planted)!r}, {str(planted)!r} + "/../secret.txt", "/proc/1/root{planted}"):
    try:
        print(open(path).read())
    except OSError as error:
        print(type(error).__name__)
"""
    assert secret in outside(program)
    outcome = inside(program)
    if outcome is not None:
        assert outcome.stdout.split() == ["FileNotFoundError"] * 3


def test_the_home_directory_holds_nothing_but_python() -> None:
    outcome = inside(f"""
import os, sys
for where, folders, files in os.walk({str(Path.home())!r}):
    if not where.startswith(sys.base_prefix):
        print(*files)
print(os.path.exists("/etc/passwd"), os.path.exists("/proc"), os.path.exists("/sys"))
""")
    if outcome is not None:
        assert outcome.stdout.split() == ["False"] * 3


@pytest.mark.parametrize("kind", ["tcp", "unix", "abstract"])
def test_no_socket_reaches_a_server_of_the_host(kind: str, tmp_path: Path) -> None:
    family = socket.AF_INET if kind == "tcp" else socket.AF_UNIX
    where = {
        "tcp": ("127.0.0.1", 0), "unix": str(tmp_path / "s"), "abstract": f"\0{tmp_path}",
    }[kind]  # fmt: skip
    with socket.socket(family) as server:
        server.bind(where)
        server.listen()
        server.setblocking(False)
        program = f"""
import socket
with socket.socket(socket.{family.name}) as client:
    client.settimeout(5)
    try:
        client.connect({server.getsockname() if kind == "tcp" else where!r})
        print("connected")
    except OSError as error:
        print("refused")
"""
        assert outside(program) == "connected\n"
        server.accept()[0].close()
        outcome = inside(program)
        if outcome is not None:
            assert outcome.stdout == "refused\n"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_nothing_outside_its_own_tmp_can_be_written() -> None:
    outcome = inside("""
import os, sys
def attempt(path):
    try:
        with open(path, "ab") as file:
            file.write(b"#")
        os.remove(path)
        print(path)
    except OSError:
        pass
for where, folders, files in os.walk("/"):
    attempt(os.path.join(where, "planted"))
attempt(os.__file__)
attempt(os.path.realpath(sys.executable))
""")
    if outcome is not None:
        assert outcome.stdout.split() == ["/tmp/planted"]
    assert not Path(os.__file__).read_text().endswith("#")


def test_a_fork_bomb_stays_small() -> None:
    limits = Limits(seconds=1, processes=4)
    counted = inside(
        """
import os, signal
born = 0
try:
    while True:
        if os.fork() == 0:
            signal.pause()
        born += 1
except OSError:
    print(born)
""",
        limits=limits,
    )
    token = secrets.token_hex(16)
    bomb = inside(
        f"""
import os, sys
if sys.argv[1:] != [{token!r}]:
    os.execv(sys.executable, [sys.executable, "/tmp/main.py", {token!r}])
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        limits=limits,
    )
    if counted is not None and bomb is not None:
        assert 1 <= int(counted.stdout) <= limits.processes + 2
        assert bomb.reason == "timed out"
    assert processes_with(token) == []


@pytest.mark.parametrize(
    "program",
    [
        "bytearray(10 * 2**30)",
        "import mmap; mmap.mmap(-1, 10 * 2**30)[::4096] = b'x'",
        "x = [bytearray(2**20) for _ in range(10 * 2**10)]",
    ],
)
def test_ten_gigabytes_are_not_to_be_had(program: str) -> None:
    outcome = inside(program, limits=Limits(memory=128 * MIB))
    if outcome is not None:
        assert outcome.reason in {"out of memory", "failed"}
        assert "memory" in outcome.stderr.lower()


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        "import time; time.sleep(1000)",
    ],
)
def test_an_endless_program_is_ended(program: str) -> None:
    outcome = inside(program, limits=Limits(seconds=1))
    if outcome is not None:
        assert outcome.exit > 128
        assert outcome.reason in {"timed out", "killed"}


def test_killing_the_parent_kills_nobody_outside() -> None:
    outcome = inside("""
import os, signal
for pid in (os.getppid(), 1, 2, -1):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
print("tried")
""")
    if outcome is not None:
        assert outcome.reason in {"ok", "killed"}


def test_the_environment_of_the_worker_is_not_to_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secrets.token_hex(16)
    monkeypatch.setenv("R1WEB_TEST_SECRET", secret)
    program = """
import glob, os
print(dict(os.environ))
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        print(open(path).read())
    except OSError:
        pass
"""
    assert secret in outside(program)
    outcome = inside(program)
    if outcome is not None:
        assert secret not in outcome.stdout
        assert outcome.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "call",
    [
        'call("ptrace", 16, 1, 0, 0)',
        'call("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0)',
        'call("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None)',
        'call("umount2", b"/", 2)',
        'call("unshare", 0x10000000)',
        'call("setns", 0, 0)',
        'call("memfd_create", b"x", 0)',
        'call("shmget", 0, 4096, 0o1600)',
        'call("chroot", b"/tmp")',
        'call("setuid", 0)',
        'call("setgid", 0)',
        'call("syscall", 56, 0x10000000 | 17, 0, 0, 0, 0)',
    ],
)
def test_a_system_call_that_could_open_a_door_is_refused(call: str) -> None:
    outcome = inside(CALLS + call)
    if outcome is not None:
        assert "went through" not in outcome.stdout
        assert "not permitted" in outcome.stdout or "Invalid argument" in outcome.stdout


def test_the_program_has_no_capabilities_and_is_not_root() -> None:
    outcome = inside(
        CALLS
        + """
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
call("capget", header, data)
print(list(data), os.geteuid(), os.getuid(), os.getgroups() in ([], [65534]))
"""
    )
    if outcome is not None:
        assert outcome.stdout.split("\n")[1] == "[0, 0, 0, 0, 0, 0] 65534 65534 True"


def test_the_disk_cannot_be_filled() -> None:
    outcome = inside("""
import itertools
written = 0
try:
    for number in itertools.count():
        with open(f"/tmp/{number}", "wb", buffering=0) as file:
            for _ in range(8):
                written += file.write(bytes(2**20))
except OSError as error:
    print(written)
""")
    if outcome is not None:
        assert 0 < int(outcome.stdout) <= Limits().disk


def test_neither_a_file_nor_the_output_grows_without_end() -> None:
    outcome = inside("while True: print('x' * 2**16)")
    if outcome is not None:
        assert outcome.reason == "failed"
        assert len(outcome.stdout) == sandbox.OUTPUT
        assert "File too large" in outcome.stderr
    file = inside("open('/tmp/big', 'wb').write(bytes(9 * 2**20))")
    if file is not None:
        assert "File too large" in file.stderr
    assert Limits().file < 9 * MIB


def test_a_daemon_does_not_outlive_its_program() -> None:
    token = secrets.token_hex(16)
    outcome = inside(f"""
import os, sys
started, told = os.pipe()
os.set_inheritable(told, True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        code = f"import os, time; os.write({{told}}, b'x'); time.sleep(1000)"
        os.execv(sys.executable, [sys.executable, "-c", code, {token!r}])
    os._exit(0)
os.read(started, 1)
print("the daemon runs")
""")
    if outcome is not None:
        assert (outcome.reason, outcome.stdout) == ("ok", "the daemon runs\n")
    assert processes_with(token) == []


def test_a_killed_worker_leaves_nothing_behind() -> None:
    token = secrets.token_hex(16)
    program = SLEEPER.format(token=token)
    script = f"import training.sandbox as s; s.run({program!r}, limits=s.Limits(seconds=1000))"
    worker = subprocess.Popen([sys.executable, "-c", script.replace(token, "?" + token)])
    try:
        found: list[int] = []
        while not found and worker.poll() is None:
            found = [pid for pid in processes_with("?" + token) if pid != worker.pid]
            found = [pid for pid in found if b"-c\0import time" in _command_line(pid)]
        assert found or sandbox.refusal() is not None
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert all(await_death(pid, 60) for pid in found)
    assert processes_with("?" + token) == []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_many_run_side_by_side_without_seeing_each_other() -> None:
    results: dict[int, str] = {}

    def one(number: int) -> None:
        outcome = inside(f"""
with open("/tmp/mine", "x") as file:
    file.write("{number}")
print(open("/tmp/mine").read())
""")
        results[number] = "refused" if outcome is None else outcome.stdout.strip()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = sandbox.refusal() is not None
    assert results == {number: "refused" if refused else str(number) for number in range(4)}
