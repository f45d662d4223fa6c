"""Curves beside MLflow, TensorBoard, Aim and trackio: written, kept, and read.

Each has a process of its own, and in every round each its turn; r1web on PostgreSQL (DATABASE_URL)
and on SQLite, with a database, keys in Redis (REDIS_URL) and a data folder of its own, all removed
in the end. Measured are points appended a second, bytes a point on the disk, a long line with a
spike at one of its points as the server of each answers for its page, and an overview of many runs.
The others take a hundred times as long to write, so they get less; their figures say how much. They
are installed by `make trackers`, and left out where that was not done.

    .venv/bin/python -m benchmarks.curves
"""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.curves import data, report
from benchmarks.curves.contenders import INSTALLED, OTHERS, OURS, Side, other, ours

ANSWERS = 15
OVERVIEWS = 5
METRICS = 50


@dataclass(frozen=True)
class Size:
    """How much a contender is given."""

    steps: int
    """Of a run that is appended, METRICS values each."""
    line: int
    """Points of the long line."""
    overview: tuple[int, int, int]
    """Runs, lines of each, steps of each."""


OTHERS_SIZE = Size(100, 20_000, (10, 5, 500))


def main() -> None:
    given = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    mine = Size(given.steps, given.line, (given.runs, 40, 10_000))
    with tempfile.TemporaryDirectory(prefix="r1web-curves-") as folder, ExitStack() as stack:
        size_of = {stack.enter_context(side): size for side, size in contenders(Path(folder), mine)}
        bench = Bench(Path(folder), size_of, {side.name: {} for side in size_of})
        try:
            bench.append(given.rounds)
            bench.line()
            bench.overview()
        finally:  # what was measured until something went wrong is told, too
            tell(bench.found, given.json)


def tell(found: report.Found, to: Path | None) -> None:
    told = report.as_json(found)
    if to:
        to.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(report.text(told), flush=True)


def interrupt(*_: object) -> None:
    """End in order."""
    raise KeyboardInterrupt


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4_000, help="of a run that is appended")
    parser.add_argument("--line", type=int, default=1_000_000, help="points of the long line")
    parser.add_argument("--runs", type=int, default=100, help="of the overview")
    parser.add_argument("--json", type=Path, help="Write the figures as JSON, too.")
    return parser.parse_args()


def contenders(folder: Path, mine: Size) -> Iterator[tuple[AbstractContextManager[Side], Size]]:
    for name in OURS:
        yield ours(name, below(folder, name)), mine
    for name in OTHERS if INSTALLED.exists() else ():
        yield other(name, below(folder, name)), OTHERS_SIZE


def below(folder: Path, name: str) -> Path:
    own = folder / name.replace(", ", "-").lower()
    own.mkdir()
    return own


def say(sentence: str) -> None:
    print(sentence, flush=True)


@dataclass
class Bench:
    folder: Path
    size_of: dict[Side, Size]
    found: report.Found

    def append(self, rounds: int) -> None:
        """Noise of full precision, and then the same as float32."""
        for kind in ("float64", "float32"):
            paths = self._paths(kind, partial(curves_as, kind))
            before = {side: side.ask("bytes") for side in self.size_of}
            for round_ in range(rounds):
                say(f"Appending {kind}, round {round_ + 1} …")
                for side, size in self.size_of.items():
                    took = self.found[side.name].setdefault("append", {}).setdefault(kind, [])
                    took.append((size.steps * METRICS, *side.ask("append", paths[size])))
            for side, size in self.size_of.items():
                points = size.steps * METRICS * rounds
                self.found[side.name].setdefault("bytes", {})[kind] = {
                    part: (bytes_ - before[side][part]) / points
                    for part, bytes_ in side.ask("bytes").items()
                }

    def line(self) -> None:
        paths = self._paths("line", lambda size: data.spiked(size.line))
        for side, size in self.size_of.items():
            say(f"{side.name}: a line of {size.line:,} points …")
            side.ask("fill", paths[size], 1)
            side.ask("line")  # whatever a first one finds cold
            self.found[side.name] |= {"line_points": size.line, "line": []}
        for _ in range(ANSWERS):
            for side in self.size_of:
                self.found[side.name]["line"].append(side.ask("line"))

    def overview(self) -> None:
        paths = self._paths("overview", lambda size: data.curves(2, *size.overview[:0:-1]))
        for side, size in self.size_of.items():
            say(f"{side.name}: an overview of {size.overview[0]} runs …")
            side.ask("fill", paths[size], size.overview[0])
            side.ask("overview", size.overview[0])
            self.found[side.name] |= {"overview_size": size.overview, "overview": []}
        for _ in range(OVERVIEWS):
            for side, size in self.size_of.items():
                self.found[side.name]["overview"].append(side.ask("overview", size.overview[0]))

    def _paths(self, name: str, made: Callable[[Size], data.Floats]) -> dict[Size, str]:
        sizes = dict.fromkeys(self.size_of.values())
        return {
            size: data.save(below(self.folder, f"{name} {number}"), name, made(size))
            for number, size in enumerate(sizes)
        }


def curves_as(kind: str, size: Size) -> data.Floats:
    """The numbers that this type can hold, as float64."""
    found: NDArray[np.float64] = data.curves(1, size.steps, METRICS).astype(kind).astype(np.float64)
    return found


if __name__ == "__main__":
    main()
