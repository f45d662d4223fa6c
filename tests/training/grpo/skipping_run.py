"""A run whose second step has a gradient that is not finite. Called as: skipping_run.py RUN_DIR"""

import math
import sys

from torch import Tensor

from training.cli import main
from training.distributed.engine import Engine, StepResult


class Faulty:
    """In the place of two methods of Engine."""

    steps = 0
    backward, step = Engine.backward, Engine.step


def backward(engine: Engine, loss: Tensor, *, last: bool) -> None:
    Faulty.backward(engine, loss * (math.nan if Faulty.steps == 1 else 1), last=last)


def step(engine: Engine, learning_rate: float) -> StepResult:
    Faulty.steps += 1
    return Faulty.step(engine, learning_rate)


if __name__ == "__main__":
    Engine.backward, Engine.step = backward, step  # type: ignore[method-assign]
    main(["train", "--run-dir", sys.argv[1]])
