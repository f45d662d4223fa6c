"""A trainer begins only once it is written down."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from r1web.cluster.supervisor.process import ONCE_TOLD, find_trainer, start_trainer
from tests.r1web.waiting import until

WRITE = [sys.executable, "-c", "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"]


def test_it_begins_once_it_is_written_down(tmp_path: Path) -> None:
    began = tmp_path / "began"
    trainer = start_trainer(
        [*WRITE, str(began)], attempt_id=7, folder=tmp_path, cwd=tmp_path, environment={}
    )
    until(lambda: not trainer.is_alive())
    assert (trainer.exit_code, began.exists()) == (0, True)
    found = find_trainer(tmp_path, 7)
    assert found is not None
    assert (found.pid, found.created) == (trainer.pid, trainer.created)


def test_it_never_begins_when_its_supervisor_dies_before(tmp_path: Path) -> None:
    began = tmp_path / "began"
    waits = [*ONCE_TOLD, *WRITE, str(began)]
    supervisor = subprocess.Popen(
        [sys.executable, "-c", START, *waits], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    trainer = psutil.Process(int(supervisor.stdout.readline()))
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    psutil.wait_procs([trainer], timeout=60)
    assert not trainer.is_running()
    assert not began.exists()


def test_a_launcher_whose_first_thread_has_ended_before_the_others_leaves_nothing(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", ENDS_ITS_FIRST_THREAD]
    environment = {"PATH": os.environ["PATH"]}
    trainer = start_trainer(
        command, attempt_id=7, folder=tmp_path, cwd=tmp_path, environment=environment
    )
    launcher = psutil.Process(trainer.pid)
    until(lambda: launcher.status() == psutil.STATUS_ZOMBIE)
    assert trainer.is_alive()
    assert trainer.end_stragglers() == 0
    assert trainer.exit_code == -signal.SIGKILL
    assert not launcher.is_running()


ENDS_ITS_FIRST_THREAD = """
import ctypes, platform, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""
START = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""
