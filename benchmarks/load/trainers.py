"""One process that writes the journals of all simulated trainers, each line at its time."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load.journal import Journal, check
from benchmarks.load.plan import STEP_S, has_rollouts
from benchmarks.load.together import Side


@dataclass
class Written:
    began: float
    ended: float
    bytes: int = 0
    late: list[float] = field(default_factory=list)
    """Seconds after its time at which each step was written: what the load itself delays."""
    died: int = 0
    """Trainers that were not there any more at the end."""


class Trainer:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.journal = Journal(seed)
        self.file = os.open(folder / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, lines: bytes) -> int:
        return os.write(self.file, lines)

    def leave(self) -> bool:
        """Let the process end; False when there was none."""
        try:
            os.close(os.open(self.folder / "over", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True


def write(side: Side) -> Written:
    """All steps, each at its time, and the end once we are told to."""
    check()
    plan, steps = side.plan, side.plan.size.steps
    trainers = [Trainer(plan.folder(run), seed) for seed, run in enumerate(plan.runs)]
    for trainer in trainers:
        trainer.write(trainer.journal.started(time.time(), steps))
    side.ready()
    written = Written(began=time.time(), ended=0.0)
    for number in range(steps * len(trainers)):
        step, place = divmod(number, len(trainers))
        written.late.append(_wait_until(written.began + number * STEP_S / len(trainers)))
        trainer, rollouts = trainers[place], has_rollouts(place, step + 1)
        lines = trainer.journal.step(time.time(), step + 1, rollouts=rollouts)
        written.bytes += trainer.write(lines)
    written.ended = time.time()
    side.hear()
    for trainer in trainers:
        trainer.write(trainer.journal.finished(time.time(), steps))
    written.died = sum(not trainer.leave() for trainer in trainers)
    return written


def _wait_until(due: float) -> float:
    """Seconds that have passed since."""
    wait = due - time.time()
    if wait > 0:
        time.sleep(wait)  # the pace of the trainers
    return time.time() - due
