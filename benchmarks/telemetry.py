"""What telling takes of a training step: in a real run, and for steps of many long completions.

    .venv/bin/python -m benchmarks.telemetry

First the trainer itself runs (preset r1-zero-nano, `--steps` steps) with a clock around everything
that is done only to tell: records and metrics made, packed and written. Then steps of 64 to 512
completions of about 500 tokens, in groups of 16 with two groups' tokens one by one, are told as the
loop tells them, through the same journal into a file: how long each call keeps the trainer waiting,
and how much processor the step's telling takes in all its threads.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import machine
from benchmarks.rollout_text import completions
from training.events import MetricsEvent, parse_line
from training.grpo import work
from training.grpo.rollouts import Group
from training.journal import Journal
from training.rewards import Reward
from training.rollout import Completion
from training.tasks import Problem
from training.tokenizer import TextTokenizer

GROUP = 16
METRICS = 50
MODEL = Path(__file__).parent.parent / "training" / "base" / "nano-base"


class Clock:
    """Adds up what the functions it is put around take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--steps", type=int, default=20)
    words.add_argument("--rounds", type=int, default=30, help="steps told of each size")
    given = words.parse_args()
    print(f"{machine()}, load average {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        _real_run(Path(folder) / "run", given.steps)
        tokenizer = TextTokenizer.load(MODEL)
        print("\ncompletions | journal call, µs: p50, p99, most | a step's telling, CPU ms | bytes")
        for count in (64, 128, 256, 512):
            _told_steps(Path(folder) / str(count), count, given.rounds, tokenizer)


def _real_run(run_dir: Path, steps: int) -> None:
    """The first step, which warms up, does not count."""
    from training.cli.main import main as command  # noqa: PLC0415 - loads the trainer

    clock, told = Clock(), list[float]()
    for name in ("records_of", "rollout_metrics", "update_metrics", "reward_warnings"):
        setattr(work, name, clock.around(getattr(work, name)))
    Journal.write = clock.around(Journal.write)  # type: ignore[method-assign]
    run_dir.mkdir()
    (run_dir.parent / "run.toml").write_text(
        f'preset = "r1-zero-nano"\n[grpo]\nsteps = {steps}\n[evaluation]\nevery_steps = 0\n'
    )
    report = work.rollout_metrics

    def step_begins(*given: Any) -> Any:
        told.append(clock.seconds)
        return report(*given)

    work.rollout_metrics = step_begins
    try:
        command(["train", str(run_dir.parent / "run.toml"), "--run-dir", str(run_dir)])
    except SystemExit as ended:
        if ended.code:
            raise
    events = map(parse_line, (run_dir / "events.jsonl").read_bytes().splitlines())
    took = [event.values["time/step_s"] for event in events if isinstance(event, MetricsEvent)][1:]
    each = np.diff(told)
    print(
        f"\nreal run: a step takes {statistics.median(took):.2f} s, telling {each.mean() * 1e3:.2f}"
    )
    share = each.sum() / sum(took[: len(each)])
    print(f"telling {each.mean() * 1e3:.2f} ms of it, {share:.3%}")


def _told_steps(run_dir: Path, count: int, rounds: int, tokenizer: TextTokenizer) -> None:
    run_dir.mkdir()
    journal, calls, spent = Journal(run_dir, stage="grpo"), list[float](), list[float]()
    steps = [_groups(seed, count // GROUP, tokenizer) for seed in range(3)]
    for number in range(1, rounds + 1):
        groups = steps[number % len(steps)]
        began = time.process_time()
        _tell(journal, number, groups, tokenizer, calls)
        spent.append(time.process_time() - began)
    journal.close()
    micros = np.sort(np.array(calls) * 1e6)
    print(
        f"{count:11} | {np.percentile(micros, 50):.0f}, {np.percentile(micros, 99):.0f}, "
        f"{micros[-1]:.0f} | {statistics.median(spent) * 1e3:.2f} | "
        f"{journal.path.stat().st_size // rounds:,}",
        flush=True,
    )


def _tell(
    journal: Journal,
    step: int,
    groups: list[Group],
    tokenizer: TextTokenizer,
    calls: list[float],
) -> None:
    """As the loop does it."""

    def write(type_: str, **fields: Any) -> None:
        began = time.perf_counter()
        journal.write(type_, step, **fields)
        calls.append(time.perf_counter() - began)

    write("phase", phase="sampling")
    # Stands for sampling, during which the thread writes. `flush` would wait for just that, but
    # leave the caches warm, as sampling does not: the p99 would look three times as good.
    time.sleep(0.05)
    write("phase", phase="training")
    told = work.records_of(groups, None, tokenizer, 2)
    values = work.rollout_metrics(told)
    write("metrics", values=values | {f"more/{n}": float(n) for n in range(METRICS - len(values))})
    for place, (group, records) in enumerate(zip(groups, told, strict=True)):
        write(
            "rollouts", group=place, trained=True, policy_version=step - 1, fingerprint=None,
            prompt=group.prompt, question=group.problem.question, answer=group.problem.answer,
            task="bench", difficulty=1.0, completions=records,
        )  # fmt: skip


def _groups(seed: int, count: int, tokenizer: TextTokenizer) -> list[Group]:
    return list(_made(seed, count, tokenizer))


def _made(seed: int, count: int, tokenizer: TextTokenizer) -> Iterator[Group]:
    draw = np.random.default_rng(seed)
    for question, answer, texts in completions(seed, count, GROUP):
        written = [_completion(text, draw, tokenizer) for text in texts]
        rewards = [
            Reward({"accuracy": 0.0, "format": 1.0}, {}, 0.1, "84", {"accuracy": "parsed 84"})
            for _ in texts
        ]
        yield Group(
            Problem(question, answer), f"User: {question}\nAssistant:", [], written, texts, rewards,
            [0.0] * GROUP,
        )  # fmt: skip


def _completion(text: str, draw: np.random.Generator, tokenizer: TextTokenizer) -> Completion:
    """Of the tokens that the text has; nano-base, who writes no prose, has more of them than a
    large model, so that they are cut to 500 and the text with them."""
    tokens = tokenizer.encode(text)
    logprobs = -draw.exponential(0.3, len(tokens))
    return Completion(tokens, logprobs.tolist(), "length")


if __name__ == "__main__":
    main()
