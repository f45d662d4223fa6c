"""`manage.py up` as a person uses it: the real processes, on ports and in a folder of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from r1web.local.address import LOOPBACK, free_port
from tests.r1web.waiting import until

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = re.compile(r"^r1web is at (http://127\.0\.0\.1:\d+/\S+)$")


@dataclass
class Up:
    """A stack in the foreground, its output as lines."""

    process: subprocess.Popen[str]
    home: Path
    port: int

    def wait_for(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """The first line that matches; the test's time limit guards the wait."""
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(pattern, line.rstrip("\n")):
                return found
        raise AssertionError(f"{pattern} was not said, but: {''.join(said)}")

    def children(self) -> list[psutil.Process]:
        recorded = json.loads((self.home / "processes.json").read_text())
        return [psutil.Process(entry["pid"]) for entry in recorded]

    def children_again(self) -> list[psutil.Process]:
        """All four, once they live; none before."""
        with suppress(psutil.NoSuchProcess):
            children = self.children()
            alive = [child for child in children if child.is_running()]
            return alive if len(alive) == 4 else []
        return []

    def status(self, path: str) -> int:
        """Of the answer; 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            return 0


class Stacks:
    """Starts stacks on one data folder and ends what is left of them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.started: list[Up] = []

    def up(self) -> Up:
        env = {key: value for key, value in os.environ.items() if key not in INHERITED}
        env |= {"R1WEB_HOME": str(self.home), "R1WEB_PORT": str(self.port), "R1WEB_DEMO": "0"}
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(Up(process, self.home, self.port))
        return self.started[-1]

    def end(self) -> None:
        for up in self.started:
            if up.process.poll() is None:
                up.process.send_signal(signal.SIGTERM)
            with up.process:
                up.process.communicate()


INHERITED = {"DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL", "R1WEB_REDIS_PREFIX"}


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Stacks]:
    stacks = Stacks(tmp_path / "data folder")
    yield stacks
    stacks.end()


def test_it_serves_restarts_what_dies_and_ends_without_a_trace(stacks: Stacks) -> None:
    up = stacks.up()
    up.wait_for(ADDRESS)

    assert up.status("/api/v1/health/live") == 200
    assert (up.home / "token").stat().st_mode & 0o777 == 0o600
    children = up.children()
    assert len(children) == 4

    for name, child in zip(["Redis", "web", "worker", "beat"], children, strict=True):
        child.kill()
        up.wait_for(rf"(?i)^{name} ended with code -9 and starts again")
    children += until(up.children_again)
    until(lambda: up.status("/api/v1/health/ready") == 200)

    up.process.send_signal(signal.SIGINT)
    up.wait_for("r1web has stopped")
    assert up.process.wait() == 0
    assert not any(child.is_running() for child in children)
    assert not (up.home / "processes.json").exists()


def test_it_starts_after_having_been_killed(stacks: Stacks) -> None:
    killed = stacks.up()
    killed.wait_for(ADDRESS)
    left = killed.children()
    killed.process.kill()
    killed.process.wait()

    again = stacks.up()
    again.wait_for("Stopped 4 processes that an earlier start had left behind")
    again.wait_for(ADDRESS)

    assert again.status("/api/v1/health/live") == 200
    assert not any(child.is_running() for child in left)


def test_a_second_one_on_the_same_folder_is_refused(stacks: Stacks) -> None:
    first = stacks.up()
    first.wait_for("Starting Redis")

    second = stacks.up()
    second.wait_for("already runs on the data folder")

    assert second.process.wait() == 1
    assert first.process.poll() is None
