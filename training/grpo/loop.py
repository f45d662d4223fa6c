"""The GRPO loop, from top to bottom: sample → reward → advantage → update → tell.

As in the R1 paper: advantage relative to the group, clipped ratio, k3 KL in the loss, reference
replaced every so many steps, one collection of rollouts for `steps_per_collection` optimiser
steps. Every choice by chance follows from (seed, step, place), so an interrupted run goes on
exactly as it would have gone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from training.distributed.process import Process
from training.grpo.ahead import Ahead
from training.grpo.collect import Collector
from training.grpo.evaluate import evaluate
from training.grpo.metrics import (
    Silence,
    acceptance,
    expert_load,
    extra_losses,
    reward_warnings,
    rollout_metrics,
    staleness,
    update_metrics,
)
from training.grpo.rollouts import Group, as_sampled, compared, pass_rates
from training.grpo.saving import Kept, read_kept, save
from training.grpo.setup import Setup
from training.grpo.step import make_minibatch, update, with_old_logprobs
from training.grpo.stopwatch import Stopwatch
from training.grpo.telling import records_of, share_of
from training.journal import Journal
from training.rollout import samplers
from training.rollout.engine import Guesses
from training.schedule import warmup

Report = Callable[[int, dict[str, float]], None]
"""Called on rank 0 with the step and its metrics."""


def train(  # noqa: C901, PLR0912, PLR0915 - one flat story, to be read from top to bottom
    setup: Setup,
    process: Process,
    journal: Journal | None,
    stop: Callable[[], bool],
    report: Report,
) -> str:
    """Run to the last step, or until `stop()`; returns the outcome, "finished" or "stopped".

    `journal` is rank 0's; the others have none.
    """
    config, engine, task = setup.config, setup.engine, setup.task
    grpo, sampling, per_collection = config.grpo, config.sampling, config.grpo.steps_per_collection
    prompts_here = grpo.prompts_per_step // process.world_size
    kept = read_kept(setup.start, process.rank)
    if setup.start is not None:
        task.restore(kept.task)
    waiting = kept.waiting  # the rest of a collection, a step's groups each
    make_sampler = samplers(sampling, process, setup.run_dir, setup.tokenizer)
    # Whether what is trained on was sampled from earlier policies.
    behind = sampling.staleness > 0 or sampling.carry_over > 0
    detailed = share_of(config.rollouts, process.rank, process.world_size)
    collector = Collector(
        config, setup.task_ahead, setup.template, setup.tokenizer, setup.rewards,
        process.rank, process.world_size,
    )  # fmt: skip
    ahead = Ahead(collector, engine.policy, make_sampler, sampling.staleness, kept.stock)
    silence, watch = Silence(), Stopwatch(process.device)
    scores: dict[int, float] = {}  # held-out pass@1 by step

    def tell(type_: str, step: int, **fields: Any) -> None:
        if type_ == "phase":
            process.enter(fields["phase"], step)
        if journal is not None:
            journal.write(type_, step, **fields)

    def evaluate_now(step: int) -> dict[str, float]:
        tell("phase", step, phase="evaluating")
        started = time.monotonic()
        sampler = make_sampler(engine.policy, step)
        values = evaluate(sampler, setup.held_out, config, process)
        values["time/evaluate_s"] = time.monotonic() - started
        tell(
            "evaluation", step, values=values, problems=config.evaluation.problems,
            completions_per_problem=config.evaluation.completions_per_problem,
        )  # fmt: skip
        scores[step] = values["eval/pass_at_1"]
        return values

    def save_now(step: int, reason: str) -> None:
        tell("phase", step, phase="checkpointing")
        kept = Kept(ahead.stock(), waiting, task.state())
        with watch.part("write"):
            written = save(setup, process, step, scores.get(step), kept)
        if written is not None:
            tell(
                "checkpoint", step, reason=reason, bytes=written.bytes,
                path=str(written.path.relative_to(setup.run_dir)),
                removed=[str(path.relative_to(setup.run_dir)) for path in written.removed],
            )  # fmt: skip

    first, saved = setup.step, setup.step
    tell(
        "started", first, start_step=first, total_steps=grpo.steps, processes=process.world_size,
        device=str(process.device), dtype=setup.precision,
        parameters=sum(p.numel() for p in engine.policy.parameters()), versions=versions(),
    )  # fmt: skip
    if first == 0 and config.evaluation.every_steps and not process.any(stop()):
        report(0, evaluate_now(0))

    for step in range(first + 1, grpo.steps + 1):
        if process.any(stop()):
            break
        step_started = time.monotonic()

        # Take a collection: each rank its own prompts, a group of scored completions for each.
        rollout_s = reward_s = wait_s = 0.0
        guesses, dropped = Guesses(0, 0), list[Group]()
        if not waiting:
            tell("phase", step, phase="sampling")
            collection = ahead.take(step - 1, task.state())
            wait_s, guesses = time.monotonic() - step_started, collection.guesses
            rollout_s, reward_s = collection.rollout_s, collection.reward_s
            dropped = collection.dropped
            if process.any(stop()):
                ahead.give_back(collection)
                break
            task.observe(process.share(pass_rates(collection.groups + dropped)))
            if sampling.staleness and step + sampling.staleness * per_collection <= grpo.steps:
                ahead.sample(step - 1, task.state())
            waiting = [
                compared(
                    collection.groups[start : start + prompts_here],
                    grpo.loss.advantage_scale,
                    process.sum,
                )
                for start in range(0, len(collection.groups), prompts_here)
            ]
            # What the ratio compares with, where that is not the policy as it is now.
            if behind and grpo.correction is None:
                waiting = [as_sampled(groups) for groups in waiting]
            elif per_collection > 1:
                with watch.part("logprobs"):
                    waiting = [
                        with_old_logprobs(groups, engine, config, process.device)
                        for groups in waiting
                    ]

        # Update on this step's share of the collection.
        tell("phase", step, phase="training")
        with watch.part("update"):
            groups = waiting.pop(0)
            minibatch = make_minibatch(groups, process.device, mask_truncated=grpo.mask_truncated)
            learning_rate = config.optim.learning_rate * warmup(step, config.optim.warmup_steps)
            result, tally, seen = update(
                engine, minibatch, setup.reference, config, learning_rate,
                longest=sampling.max_new_tokens_at(step), watch=watch,
            )  # fmt: skip
            counts_LE = engine.balance_experts(config.optim.expert_bias_rate)
            if setup.reference and grpo.ref_refresh_steps and step % grpo.ref_refresh_steps == 0:
                setup.reference.load_state_dict(engine.policy.state_dict())

        # Tell: metrics over all ranks, and every completion.
        tally.sums.update(guesses_made=guesses.made, guesses_stood=guesses.stood)
        totals = tally.over_ranks(process)
        if behind and grpo.correction is None:
            seen = replace(seen, difference_BT=None)  # the policy that sampled is gone
        records = records_of(groups, seen, setup.tokenizer, detailed)
        flat_records = records_of(dropped, None, setup.tokenizer, None if detailed is None else 0)
        gathered = process.gather(
            [(group, each, True) for group, each in zip(groups, records, strict=True)]
            + [(group, each, False) for group, each in zip(dropped, flat_records, strict=True)]
        )
        setup.step, setup.tokens_total = step, setup.tokens_total + round(totals["tokens"])
        setup.skipped_total += result.skipped
        spent = watch.lap()  # of writing, what the step before took after its metrics
        step_s = time.monotonic() - step_started + spent.get("write", 0.0)
        if gathered:
            values = rollout_metrics([records for _, records, _ in gathered]) | {
                **update_metrics(totals),
                "optim/grad_norm": result.grad_norm,
                "optim/learning_rate": learning_rate,
                "optim/skipped": float(result.skipped),
                "optim/skipped_total": float(setup.skipped_total),
                **expert_load(counts_LE),
                **extra_losses(totals),
                **acceptance(totals),
                "groups/dropped": float(sum(not trained for *_, trained in gathered)),
                **staleness(step, [group.policy_version for group, *_ in gathered]),
                **task.metrics(),
                "perf/tokens_per_s": totals["tokens"] / step_s,
                "perf/completions_per_s": config.completions_per_step / step_s,
                "time/rollout_s": rollout_s,
                "time/reward_s": reward_s,
                **({"time/wait_s": wait_s} if sampling.staleness else {}),
                "time/logprobs_s": spent.get("logprobs", 0.0),
                "time/update_s": spent["update"],
                "time/write_s": spent.get("write", 0.0),
                "time/step_s": step_s,
                "tokens/total": float(setup.tokens_total),
            }
            with watch.part("write"):
                tell("metrics", step, values=values)
                trouble = reward_warnings([records for _, records, _ in gathered])
                for warning in (*trouble, *silence.warnings(values)):
                    tell("log", step, level="warning", message=warning)
                for place, (group, records, trained) in enumerate(gathered):
                    tell(
                        "rollouts",
                        step,
                        group=place,
                        trained=trained,
                        policy_version=group.policy_version,
                        fingerprint=group.fingerprint,
                        prompt=group.prompt,
                        question=group.problem.question,
                        answer=group.problem.answer,
                        task=group.problem.task,
                        difficulty=group.problem.difficulty,
                        completions=records,
                    )
            report(step, values)
        if config.evaluation.every_steps and (
            step % config.evaluation.every_steps == 0 or step == grpo.steps
        ):
            report(step, evaluate_now(step))
        if step % config.checkpoint.every_steps == 0:
            save_now(step, "final" if step == grpo.steps else "schedule")
            saved = step

    finished = setup.step == grpo.steps
    if setup.step > saved:
        save_now(setup.step, "final" if finished else "stop")
    ahead.close()
    return "finished" if finished else "stopped"


def versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("torch", "deepspeed", "reasoning-gym")}
    return {"python": platform.python_version(), **packages}
