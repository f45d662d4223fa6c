"""Called as the real trainer is; what it writes follows from the step alone."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.e2e.scripted import reading
from training.config import RunConfig
from training.journal import Journal

STEP_S = 0.1
HOSTILE = (
    "<think>\n<script>document.title = 'taken over'</script>"
    "<img src=x onerror=\"document.title = 'taken over'\">\n</think>\n"
    '<answer><a href="javascript:document.title=1">85</a></answer>'
)
PLAIN = (
    "<think>\n27 + 58: 7 + 8 = 15, 20 + 50 = 70, so \\(70 + 15 = 85\\)\n</think>\n"
    "<answer>85</answer>"
)
WRONG = "<think>\n27 + 58 is about 84\n</think>\n<answer>84</answer>"


def reward(step: int) -> float:
    """Mean reward of a step: rises from 0 towards 2, differently at every step."""
    return 2 * step / (step + 20)


def values(step: int) -> dict[str, float]:
    mean = reward(step)
    return {
        "reward/mean": mean,
        "reward/std": 0.5,
        "reward/accuracy": mean / 2,
        "reward/format": mean / 2,
        "completion/length_mean": 30 + step % 7,
        "completion/truncated": 0.0,
        "kl/mean": 0.001 * step,
        "entropy/mean": 1 / (1 + step / 50),
        "clip/fraction": 0.0,
        "optim/grad_norm": 0.8,
        "groups/flat": 0.25,
        "moe/load_max_over_mean": 1.2,
        "perf/tokens_per_s": 5000.0 + step,
        "time/rollout_s": 0.06,
        "time/reward_s": 0.001,
        "time/update_s": 0.03,
        "time/step_s": 0.1,
    }


def completion(text: str, accuracy: float) -> dict[str, Any]:
    return {
        "text": text,
        "reward": accuracy + 1,
        "rewards": {"accuracy": accuracy, "format": 1.0},
        "advantage": 1.0 if accuracy else -1.0,
        "length": len(text) // 2,
        "finish_reason": "stop",
        "logprob_mean": -0.4,
    }


def write_reading(journal: Journal, step: int) -> None:
    for place, group in enumerate(reading.groups(step)):
        journal.write("rollouts", step, group=place, policy_version=step - 1, **group)


def write_group(journal: Journal, step: int) -> None:
    journal.write(
        "rollouts",
        step,
        group=0,
        policy_version=step - 1,
        prompt="What is 27 + 58?",
        question="27 + 58 = ?",
        answer="85",
        completions=[
            completion(PLAIN, 1.0),
            completion(HOSTILE, 0.0),
            completion(WRONG, 0.0),
            completion(PLAIN, 1.0),
        ],
    )


def write_step(journal: Journal, step: int, seed: int) -> None:
    (write_reading if seed == reading.SEED else write_group)(journal, step)
    journal.write("metrics", step, values=values(step))
    if step % 10 == 0:
        score = {"eval/pass_at_1": min(1.0, step / 100)}
        journal.write("evaluation", step, values=score, problems=32, completions_per_problem=1)


def write_checkpoint(journal: Journal, folder: Path, step: int, reason: str) -> None:
    path = f"checkpoints/step-{step:06d}"
    (folder / path).mkdir(parents=True, exist_ok=True)
    journal.write("checkpoint", step, path=path, bytes=1000, reason=reason)


def go(journal: Journal, start: int, steps: int, seed: int, stop: threading.Event) -> int:
    """Step by step to the end, or until asked to stop; the step that it came to."""
    step = start
    while not stop.is_set() and step < steps:
        journal.write("phase", step, phase="sampling")
        if stop.wait(STEP_S):
            break
        step += 1
        write_step(journal, step, seed)
    return step


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--resume", default="none")
    arguments = parser.parse_args()
    folder = arguments.run_dir
    config = json.loads((folder / "config.json").read_text())
    steps = RunConfig.model_validate(config).total_steps
    start = 0 if arguments.resume == "none" else int(arguments.resume)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    journal = Journal(folder, "grpo")
    journal.write(
        "started",
        start,
        start_step=start,
        total_steps=steps,
        processes=1,
        device="cpu",
        dtype="fp32",
        parameters=1,
        versions={},
    )
    sys.stdout.write("A scripted trainer: nothing is trained\n")
    if config["pipeline"]:
        from tests.e2e.scripted.pipeline import play  # noqa: PLC0415 - it is made of what is here

        step = play(journal, folder, RunConfig.model_validate(config), stop)
    else:
        step = go(journal, start, steps, config["seed"], stop)
        write_checkpoint(journal, folder, step, "final" if step == steps else "stop")
    outcome = "finished" if step == steps else "stopped"
    journal.write("finished", step, outcome=outcome, reason=f"Came to step {step} of {steps}.")


if __name__ == "__main__":
    main()
