"""Processes of the load: they get ready, begin at once, and tell what they measured."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Barrier
from typing import Any

from benchmarks.load.plan import Plan

SPAWN = multiprocessing.get_context("spawn")


class BrokenLoadError(Exception):
    """A process of the load has failed, with this traceback."""


@dataclass
class Side:
    """A process's side: its share of the work, and its line to the one that reports."""

    plan: Plan
    share: int
    shares: int
    barrier: Barrier
    line: Connection

    def ready(self) -> None:
        """Wait for all others."""
        self.barrier.wait(self.plan.size.opening_s)

    def hear(self) -> Any:
        """What the reporting process says, once it says it."""
        return self.line.recv()


Work = Callable[[Side], Any]


class Together:
    def __init__(self, plan: Plan, works: list[Work]) -> None:
        """Equal works share the work."""
        self.barrier = SPAWN.Barrier(len(works) + 1)
        self.processes: list[SpawnProcess] = []
        self.lines: list[Connection] = []
        for number, work in enumerate(works):
            mine, theirs = SPAWN.Pipe()
            share = works[:number].count(work)
            side = Side(plan, share, works.count(work), self.barrier, theirs)
            process = SPAWN.Process(target=run, args=(work, side), daemon=True)
            process.start()
            self.processes.append(process)
            self.lines.append(mine)
        self.opening_s = plan.size.opening_s

    def begin(self) -> None:
        """Wait until all are ready. Raises BrokenLoadError when one of them fails before."""
        try:
            self.barrier.wait(self.opening_s)
        except Exception:  # its own cause, where one of them has told it, says more
            for line in self.lines:
                if line.poll(1):
                    self.result(line)
            raise

    def tell(self, number: int, what: Any) -> None:
        self.lines[number].send(what)

    def result(self, line: Connection) -> Any:
        done, value = line.recv()
        if not done:
            raise BrokenLoadError(value)
        return value

    def result_of(self, number: int) -> Any:
        """What the work gave. Raises BrokenLoadError."""
        return self.result(self.lines[number])

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()


def run(work: Work, side: Side) -> None:
    """In the process: the reporting one ends it, Ctrl-C does not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        side.line.send((True, work(side)))
    except Exception:  # noqa: BLE001 - told to the one that reports
        side.line.send((False, traceback.format_exc()))
        side.barrier.abort()
