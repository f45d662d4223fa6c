"""How fast a run learns: held-out pass@1 of the preset r1-zero-nano over time, for three seeds.

Each seed is a run of its own, started the way the dashboard starts it, through DeepSpeed's
launcher; the clock runs from the start of that process, so imports and the first evaluation count.

    .venv/bin/python -m benchmarks.learning
"""

from __future__ import annotations

import argparse
import json
import os
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


def measure(seed: int, directory: Path) -> list[tuple[int, float, float]]:
    """Run one seed to its end; (step, seconds since the start, pass@1) of each evaluation."""
    config: RunConfig = resolve(PRESET, {"seed": seed}).config
    directory.mkdir()
    (directory / "config.json").write_text(config.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "training", "launch", "--run-dir", str(directory)]
    started = time.time()
    with (directory / "trainer.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT, env=os.environ)
    events = map(parse_line, (directory / "events.jsonl").read_bytes().splitlines())
    return [
        (event.step, event.time - started, event.values["eval/pass_at_1"])
        for event in events
        if isinstance(event, EvaluationEvent)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    results = []
    heads = ("at first", "best", "at the end", f"s to {GOAL}", "s in all")
    print(f"{'seed':>4}" + "".join(f"{head:>12}" for head in heads))
    with tempfile.TemporaryDirectory() as scratch:
        for seed in arguments.seeds:
            curve = measure(seed, Path(scratch) / f"seed-{seed}")
            reached = next((at for _, at, score in curve if score >= GOAL), float("inf"))
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
