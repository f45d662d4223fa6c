"""How fast a run learns: held-out pass@1 of the preset r1-zero-nano over time, for three seeds.

Each seed is a run of its own, started the way the dashboard starts it, through DeepSpeed's
launcher; the clock runs from the start of that process, so imports and the first evaluation count.

    .venv/bin/python -m benchmarks.learning
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import machine
from training.config import RunConfig, resolve
from training.events import EvaluationEvent, parse_line

PRESET = "r1-zero-nano"
GOAL = 0.90


Curve = list[tuple[int, float, float]]
"""Step, seconds since the start, and pass@1 of each evaluation."""


def measure(seed: int, directory: Path, *, to_goal: bool) -> Curve:
    """Run one seed to its end, or with `to_goal` until it has got there."""
    config: RunConfig = resolve(PRESET, {"seed": seed}).config
    directory.mkdir()
    (directory / "config.json").write_text(config.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "training", "launch", "--run-dir", str(directory)]
    started = time.time()
    with (directory / "trainer.log").open("w") as log:
        run = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        while run.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(timeout=1.0)
            if to_goal and seconds_to_goal(read_curve(directory, started)) < float("inf"):
                run.terminate()
                run.wait()
                return read_curve(directory, started)
    if run.returncode:
        raise RuntimeError(f"the run failed: {(directory / 'trainer.log').read_text()[-2000:]}")
    return read_curve(directory, started)


def read_curve(directory: Path, started: float) -> Curve:
    journal = directory / "events.jsonl"
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    return [
        (event.step, event.time - started, event.values["eval/pass_at_1"])
        for event in map(parse_line, lines)
        if isinstance(event, EvaluationEvent)
    ]


def seconds_to_goal(curve: Curve) -> float:
    return next((at for _, at, score in curve if score >= GOAL), float("inf"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--to-goal", action="store_true", help="end each run when it is there")
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    results = []
    heads = ("at first", "best", "at the end", f"s to {GOAL}", "s in all")
    print(f"{'seed':>4}" + "".join(f"{head:>12}" for head in heads))
    with tempfile.TemporaryDirectory() as scratch:
        for seed in arguments.seeds:
            curve = measure(seed, Path(scratch) / f"seed-{seed}", to_goal=arguments.to_goal)
            reached = seconds_to_goal(curve)
            best = max(score for _, _, score in curve)
            print(
                f"{seed:4}{curve[0][2]:12.3f}{best:12.3f}{curve[-1][2]:12.3f}{reached:12.1f}"
                f"{curve[-1][1]:12.1f}",
                flush=True,
            )
            results.append({"seed": seed, "seconds_to_goal": reached, "curve": curve})
    middle = median(float(str(result["seconds_to_goal"])) for result in results)
    print(f"median over seeds: held-out pass@1 {GOAL} after {middle:.1f} s")
    if arguments.json is not None:
        report = {"machine": machine(), "preset": PRESET, "goal": GOAL,
                  "median_seconds_to_goal": middle, "runs": results}  # fmt: skip
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
