"""The loop that every stage goes through: a step of its work → tell → evaluate → save.

What a step is, the stage's work knows: training/grpo/work.py, training/sft/work.py and their
neighbours. Every choice by chance follows from (seed, step, place), so an interrupted run goes on
exactly as it would have gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from training.grpo.evaluate import evaluate
from training.safety.in_run import safety_values
from training.saving import save
from training.setup import Setup
from training.work import Tell, Told, Work

Report = Callable[[int, dict[str, float]], None]
"""Called with the step and its metrics."""


def run_stage(  # noqa: C901 - one flat story, to be read from top to bottom
    setup: Setup, work: Work, tell: Tell, stopped: Callable[[], bool], report: Report, *, last: bool
) -> bool:
    """Go to the stage's last step, or until `stopped()`; whether that step is done. `stopped` is
    asked by all ranks together. `last`: no stage comes after this one.
    """
    config, process, watch = setup.config, setup.process, work.watch
    every = config.evaluation.every_steps if work.policy is not None else 0
    scores: dict[int, float] = {}  # held-out pass@1 by step

    def evaluate_now(step: int) -> dict[str, float]:
        tell("phase", step, phase="evaluating")
        started = time.monotonic()
        assert work.policy is not None  # noqa: S101 - `every` says so
        sampler = setup.make_sampler(work.policy, step)
        values = evaluate(sampler, setup.held_out, config, process)
        if step == setup.steps:
            values |= safety_values(
                setup, sampler, work.policy, setup.tokenizer, setup.source, step
            )
        values["time/evaluate_s"] = time.monotonic() - started
        tell(
            "evaluation", step, values=values, problems=config.evaluation.problems,
            completions_per_problem=config.evaluation.completions_per_problem,
        )  # fmt: skip
        scores[step] = values["eval/pass_at_1"]
        return values

    def save_now(step: int, reason: str) -> None:
        tell("phase", step, phase="checkpointing")
        with watch.part("write"):
            written = save(setup, work, step, scores.get(step))
        if written is not None:
            tell(
                "checkpoint", step, reason=reason, bytes=written.bytes,
                path=str(written.path.relative_to(setup.run_dir)),
                removed=[str(path.relative_to(setup.run_dir)) for path in written.removed],
            )  # fmt: skip

    first, saved, ending = setup.step, setup.step, "final" if last else "stage"
    if every and first == setup.planned.before == 0 and not stopped():
        report(0, evaluate_now(0))

    for step in range(first + 1, setup.steps + 1):
        if stopped():
            break
        started = time.monotonic()
        told = work.step(step)
        if told is None:
            break
        setup.step, setup.tokens_total = step, setup.tokens_total + told.tokens
        setup.skipped_total += told.skipped
        spent = watch.lap()  # of writing, what the step before took after its metrics
        step_s = time.monotonic() - started + spent.get("write", 0.0)
        if process.is_main:
            values = told.values | _of_loop(setup, told, spent, step_s)
            with watch.part("write"):
                tell("metrics", step, values=values)
                for warning in told.warnings:
                    tell("log", step, level="warning", message=warning)
                for fields in told.rollouts:
                    tell("rollouts", step, **fields)
            report(step, values)
        if every and (step % every == 0 or step == setup.steps):
            report(step, evaluate_now(step))
        if work.resumable and step % config.checkpoint.every_steps == 0:
            save_now(step, ending if step == setup.steps else "schedule")
            saved = step

    finished = setup.step == setup.steps
    if work.resumable and setup.step > saved:
        save_now(setup.step, ending if finished else "stop")
    return finished


def _of_loop(setup: Setup, told: Told, spent: dict[str, float], step_s: float) -> dict[str, float]:
    """What every step tells, whatever its work is."""
    updated = {
        "optim/skipped": float(told.skipped),
        "optim/skipped_total": float(setup.skipped_total),
    }
    return {
        **(updated if "optim/grad_norm" in told.values else {}),
        "perf/tokens_per_s": told.tokens / step_s,
        "perf/completions_per_s": told.completions / step_s,
        "time/logprobs_s": spent.get("logprobs", 0.0),
        "time/update_s": spent.get("update", 0.0),
        "time/write_s": spent.get("write", 0.0),
        "time/step_s": step_s,
        "tokens/total": float(setup.tokens_total),
    }
