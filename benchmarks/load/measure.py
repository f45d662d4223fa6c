"""Memory and processor time by role, looked at every few seconds."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import linear_regression

import psutil
import redis

from benchmarks.load.product import processes

EVERY_S = 5.0
ROLES = {
    "uvicorn": "web",
    "beat": "beat",
    "worker": "worker",
    "supervise": "supervisors",
    "--run-dir": "trainers (stand-ins)",
}
"""By a word of the command line that tells it."""
LOAD, POSTGRES, REDIS = "the load itself", "PostgreSQL", "Redis"


@dataclass(frozen=True)
class Sample:
    at: float
    memory: dict[str, int]
    """Bytes by role: proportional shares; of PostgreSQL's backends what is theirs alone."""
    cpu: dict[str, float]
    """Seconds by role since their start."""


@dataclass
class Used:
    """What a role took while the load was on."""

    cores: float
    first_mb: float
    """After a third of the time."""
    last_mb: float
    mb_per_minute: float
    """Slope over the last two thirds."""


@dataclass
class Sampler:
    home: str
    database: str
    broker: str
    samples: list[Sample] = field(default_factory=list)
    _cpu: dict[psutil.Process, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._redis = redis.Redis.from_url(self.broker)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.samples.append(self._sample())
            if self._over.wait(EVERY_S):
                self.samples.append(self._sample())
                return

    def _sample(self) -> Sample:
        memory: Counter[str] = Counter()
        for process in [psutil.Process(), *processes(self.home)]:
            with suppress(psutil.Error):
                role = _role(process)
                memory[role] += process.memory_full_info().pss
                spent = process.cpu_times()
                self._cpu[process] = (role, spent.user + spent.system)
        cpu: dict[str, float] = defaultdict(float)
        for role, seconds in self._cpu.values():
            cpu[role] += seconds
        memory[POSTGRES], cpu[POSTGRES] = self._postgres()
        info = self._redis.info()
        memory[REDIS] = info["used_memory"]
        cpu[REDIS] = info["used_cpu_user"] + info["used_cpu_sys"]
        return Sample(time.time(), dict(memory), dict(cpu))

    def _postgres(self) -> tuple[int, float]:
        """Memory of our database's backends, and processor time of the whole server."""
        memory, seconds = 0, 0.0
        for server in _servers():
            spent = server.cpu_times()
            seconds += spent.user + spent.system + spent.children_user + spent.children_system
            for backend in server.children():
                with suppress(psutil.Error):
                    spent = backend.cpu_times()
                    seconds += spent.user + spent.system
                    if self.database in " ".join(backend.cmdline()):
                        memory += backend.memory_full_info().uss
        return memory, seconds

    def used(self) -> dict[str, Used]:
        first, last = self.samples[0], self.samples[-1]
        third = first.at + (last.at - first.at) / 3
        late = [sample for sample in self.samples if sample.at >= third] or [last]
        return {
            role: Used(
                cores=(last.cpu.get(role, 0) - first.cpu.get(role, 0)) / (last.at - first.at),
                first_mb=late[0].memory.get(role, 0) / 1e6,
                last_mb=last.memory[role] / 1e6,
                mb_per_minute=_slope(late, role),
            )
            for role in last.memory
        }


def _slope(samples: list[Sample], role: str) -> float:
    if len(samples) < 3:
        return 0.0
    minutes = [sample.at / 60 for sample in samples]
    return linear_regression(minutes, [s.memory.get(role, 0) / 1e6 for s in samples]).slope


def _role(process: psutil.Process) -> str:
    """By its own words, or by those of uvicorn, of whose processes it may be one."""
    parent = process.parent()
    above = parent.cmdline() if parent else []
    words = process.cmdline() + [word for word in above if word == "uvicorn"]
    return next((role for word, role in ROLES.items() if word in words), LOAD)


def _servers() -> list[psutil.Process]:
    """Every PostgreSQL server of this machine."""
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            parent = process.parent()
            if process.info["name"] == "postgres" and parent and parent.name() != "postgres":
                found.append(process)
    return found
