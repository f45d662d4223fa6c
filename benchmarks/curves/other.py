"""What is the same for all other trackers: a folder for each set of runs, and a server on it."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from benchmarks.curves.data import SPIKE, Floats
from benchmarks.curves.web import Answer, Server, free_port


class Other(ABC):
    """A tracker as its documentation says to use it, on local files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "appended"
        self.place.mkdir()
        self.runs: list[str] = []
        self.server: Server | None = None
        self.write(np.zeros((1, 1)))  # whatever a first run sets up

    def append(self, data: str) -> tuple[float, float]:
        """A run; seconds by the clock and of this process's cores."""
        values = np.load(data)
        began, worked = time.perf_counter(), time.process_time()
        self.write(values)
        return time.perf_counter() - began, time.process_time() - worked

    def fill(self, data: str, runs: int) -> None:
        """Runs at a place of their own, which is served from now on."""
        values = np.load(data)
        self.close()
        self.place = self.folder / Path(data).stem
        self.place.mkdir()
        for _ in range(runs):
            self.write_many(values)
        port = free_port()
        self.server = Server(self.command(port), port, self.folder / "server.log", self.READY)

    READY = "/"

    @abstractmethod
    def write(self, values: Floats) -> None:
        """A run of these curves, [steps, lines], a step at a time."""

    def write_many(self, values: Floats) -> None:
        self.write(values)

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Starts the tracker's server."""

    def bytes(self) -> dict[str, int]:
        return folder_bytes(self.place)

    def close(self) -> None:
        if self.server is not None:
            self.server.end()


def folder_bytes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {"files": sum(path.stat().st_size for path in files)}


def program(name: str) -> str:
    """A command of this virtual environment."""
    return str(Path(sys.executable).parent / name)


def shown(answer: Answer, values: list[float]) -> dict[str, object]:
    return {
        "seconds": answer.seconds,
        "bytes": answer.bytes,
        "points": len(values),
        "spike": SPIKE in values,
    }
