"""Runs a bundle's run again, in a directory of its own, and reads what it tells."""

import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from r1web.reports.bundle import Bundle, Machine, Numbers, Scores
from r1web.reports.comparing import Compared, by_interval, by_point
from training.events import EvaluationEvent, MetricsEvent, StartedEvent, parse_line

LOOK_S = 0.1


class RerunError(Exception):
    """It could not be run again; one sentence."""


@dataclass
class Told:
    """What a journal has told so far."""

    machine: Machine | None = None
    step: int = 0
    numbers: Numbers = field(default_factory=lambda: defaultdict(dict))
    scores: Scores = field(default_factory=lambda: defaultdict(lambda: defaultdict(dict)))

    def read(self, line: bytes) -> None:
        event = parse_line(line)
        if isinstance(event, StartedEvent):
            self.machine = Machine(
                versions=event.versions,
                device=event.device,
                processes=event.processes,
                dtype=event.dtype,
            )
        elif isinstance(event, MetricsEvent | EvaluationEvent):
            for name, value in event.values.items():
                self._numbers_of(event)[name][event.step] = value
        if isinstance(event, MetricsEvent):
            self.step = event.step

    def _numbers_of(self, event: MetricsEvent | EvaluationEvent) -> Numbers:
        if isinstance(event, EvaluationEvent) and event.model is not None:
            return self.scores[event.stage, event.model]
        return self.numbers


@dataclass(frozen=True)
class Reproduction:
    differences: list[str]
    """Of the environment; with any, numbers are compared by their intervals."""
    compared: list[Compared]

    @property
    def agrees(self) -> bool:
        """Also not where there was nothing to compare."""
        return bool(self.compared) and all(each.agrees for each in self.compared)


def reproduce(
    bundle: Bundle, folder: Path, steps: int | None, say: Callable[[int], None]
) -> Reproduction:
    """Run it again up to `steps` (None: as far as the bundle's went), telling `say` each step.

    Raises RerunError.
    """
    then = bundle.about.machine
    upto = bundle.about.last_step if steps is None else steps
    if then is None or bundle.about.last_step == 0:
        raise RerunError("The bundle's run has told no numbers: there is nothing to compare.")
    if not 1 <= upto <= bundle.about.last_step:
        raise RerunError(f"--steps takes 1 to {bundle.about.last_step}, not {upto}.")
    told = run_again(bundle.config, folder, None if upto == bundle.about.total_steps else upto, say)
    if told.machine is None or told.step < upto:
        log = folder / "trainer.log"
        raise RerunError(f"The trainer ended at step {told.step} of {upto}: {log} says why.")
    differences = then.differences(told.machine)
    compare = by_interval if differences else by_point
    compared = compare(bundle.numbers, told.numbers, upto, bundle.tolerances)
    for (stage, model), then_scored in bundle.scores.items():
        rows = compare(then_scored, told.scores[stage, model], upto, bundle.tolerances)
        compared += [replace(row, name=f"{row.name} of {model} in {stage}") for row in rows]
    return Reproduction(differences, compared)


def run_again(
    config: dict[str, Any], folder: Path, until: int | None, say: Callable[[int], None]
) -> Told:
    """Train in `folder`, which is empty or not there; asked to stop after step `until`."""
    if folder.exists() and any(folder.iterdir()):
        raise RerunError(f"{folder} is not empty: give --run-dir a new directory.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    command = [*settings.TRAINER_COMMAND, "--run-dir", str(folder), "--resume", "none"]
    with (folder / "trainer.log").open("wb") as log:
        trainer = subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdout=log, stderr=log, start_new_session=True
        )
        try:
            return _follow(trainer, folder / "events.jsonl", until, say)
        finally:
            _end(trainer)


def _follow(
    trainer: "subprocess.Popen[bytes]", path: Path, until: int | None, say: Callable[[int], None]
) -> Told:
    told, offset = Told(), 0
    while True:
        ended = trainer.poll() is not None  # asked before reading, so that the last lines count
        if path.exists():
            with path.open("rb") as file:
                file.seek(offset)
                offset += _read(file, told, say)
        if ended or (until is not None and told.step >= until):
            return told
        time.sleep(LOOK_S)  # a file that another process writes has no event to await


def _read(file: IO[bytes], told: Told, say: Callable[[int], None]) -> int:
    """Whole lines only; how many bytes they were."""
    read = 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        before = told.step
        told.read(line)
        read += len(line)
        if told.step != before:
            say(told.step)
    return read


def _end(trainer: "subprocess.Popen[bytes]") -> None:
    """It saves and goes; one that does not in time is killed, with all that it started."""
    if trainer.poll() is not None:
        return
    os.killpg(trainer.pid, signal.SIGTERM)
    try:
        trainer.wait(settings.R1WEB_STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(trainer.pid, signal.SIGKILL)
        trainer.wait()
