"""A trainer that trains nothing: two hundred series, most steps at once, the rest at an even pace.

It is called as the real trainer is. Ahead of the live steps a gradient is not a number, another one
is a spike, and checkpoints are written, so that everything a chart can show is there.
"""

import argparse
import json
import math
import signal
import sys
import threading
from pathlib import Path

from tests.e2e.scripted.trainer import values, write_checkpoint
from training.journal import Journal

LIVE_STEPS = 600
STEP_S = 0.1
SERIES = 190
"""Beside those of the headline charts."""
CHECKPOINT_EVERY = 500


def metrics(step: int) -> dict[str, float]:
    more = {f"bench/series_{n:03}": math.sin(step / (n + 3)) + n for n in range(SERIES)}
    odd = {"optim/grad_norm": math.nan if step % 700 == 0 else 90 if step % 900 == 0 else 0.8}
    headline = values(step) | {"optim/loss": 0.01 * math.sin(step), "tokens/total": 1024.0 * step}
    return headline | odd | more


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--resume", default="none")
    arguments = parser.parse_args()
    steps = json.loads((arguments.run_dir / "config.json").read_text())["grpo"]["steps"]
    start = 0 if arguments.resume == "none" else int(arguments.resume)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    journal = Journal(arguments.run_dir, "grpo")
    about = {"processes": 1, "device": "cpu", "dtype": "fp32", "parameters": 1, "versions": {}}
    journal.write("started", start, start_step=start, total_steps=steps, **about)
    sys.stdout.write("A trainer for measurements: nothing is trained\n")
    step = start
    while step < steps and not stop.wait(STEP_S if step >= steps - LIVE_STEPS else 0):
        step += 1
        journal.write("metrics", step, values=metrics(step))
        journal.write("phase", step, phase="sampling")  # of the next one
        if step % CHECKPOINT_EVERY == 0:
            write_checkpoint(journal, arguments.run_dir, step, "schedule")
    outcome = "finished" if step == steps else "stopped"
    write_checkpoint(journal, arguments.run_dir, step, "final" if step == steps else "stop")
    journal.write("finished", step, outcome=outcome, reason=f"Came to step {step} of {steps}.")


if __name__ == "__main__":
    main()
