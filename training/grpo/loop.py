"""The GRPO loop, from top to bottom: sample → reward → advantage → update → tell.

As in the R1 paper: advantage relative to the group, clipped ratio, k3 KL in the loss, reference
replaced every so many steps, one collection of rollouts for `steps_per_collection` optimiser
steps. Every choice by chance follows from (seed, step, place), so an interrupted run goes on
exactly as it would have gone.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import product

from training import checkpoint
from training.distributed.process import Process
from training.grpo.evaluate import evaluate
from training.grpo.metrics import (
    Silence,
    acceptance,
    expert_load,
    extra_losses,
    reward_warnings,
    rollout_metrics,
    update_metrics,
)
from training.grpo.rollouts import Group, compared, completion_records, score_groups
from training.grpo.setup import Setup
from training.grpo.step import make_minibatch, update, with_old_logprobs
from training.journal import Journal
from training.model import policy
from training.rollout import Sampling, samplers
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
    config, engine, task, tokenizer = setup.config, setup.engine, setup.task, setup.tokenizer
    grpo, sampling = config.grpo, config.sampling
    make_sampler = samplers(sampling, process, setup.run_dir)
    prompts_here = grpo.prompts_per_step // process.world_size
    waiting: list[list[Group]] = []  # the rest of a collection, a step's groups each
    per_collection = grpo.steps_per_collection
    silence = Silence()
    scores: dict[int, float] = {}  # held-out pass@1 by step

    def tell(type_: str, step: int, **fields: object) -> None:
        if journal is not None:
            journal.write(type_, step, **fields)

    def evaluate_now(step: int) -> dict[str, float]:
        tell("phase", step, phase="evaluating")
        started = time.monotonic()
        sampler = make_sampler(engine.policy, step)
        values = evaluate(sampler, setup.held_out, config.evaluation, process)
        values["time/evaluate_s"] = time.monotonic() - started
        tell(
            "evaluation", step, values=values, problems=config.evaluation.problems,
            completions_per_problem=config.evaluation.completions_per_problem,
        )  # fmt: skip
        scores[step] = values["eval/pass_at_1"]
        return values

    def save_now(step: int, reason: str) -> None:
        tell("phase", step, phase="checkpointing")
        written = save(setup, process, step, scores.get(step))
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

        # Sample a collection: each rank its own prompts, a group of completions for each.
        rollout_s = reward_s = 0.0
        if not waiting:
            tell("phase", step, phase="sampling")
            # To the collection's end; after a resume amid one, only what is left of it.
            steps_here = range(step, step + per_collection - (step - 1) % per_collection)
            first_here = process.rank * prompts_here
            places = list(product(steps_here, range(first_here, first_here + prompts_here)))
            problems = [
                task.training_problem(config.seed, (s - 1) * grpo.prompts_per_step + place)
                for s, place in places
            ]
            prompts = [setup.template(problem) for problem in problems]
            sampler = make_sampler(engine.policy, step - 1)
            completions = sampler.generate(
                [tokenizer.encode_prompt(prompt) for prompt in prompts],
                group_size=grpo.group_size,
                sampling=Sampling.of(sampling, step),
                seeds=[derive_seed(config.seed, *place) for place in places],
                eos_id=tokenizer.eos_id,
            )
            rollout_s, guesses = time.monotonic() - step_started, sampler.guesses
            if process.any(stop()):
                break  # these rollouts are sampled again on resume, exactly alike

            # Reward each completion and compare it with its group.
            tell("phase", step, phase="rewarding")
            rewards_started = time.monotonic()
            groups = score_groups(
                problems, prompts, completions,
                pool=setup.rewards, tokenizer=tokenizer,
                max_tokens=sampling.max_new_tokens_at(step),
            )  # fmt: skip
            waiting = [
                compared(
                    groups[start : start + prompts_here], grpo.loss.advantage_scale, process.sum
                )
                for start in range(0, len(groups), prompts_here)
            ]
            reward_s = time.monotonic() - rewards_started
            policy_version = step - 1
            if len(waiting) > 1:
                waiting = [
                    with_old_logprobs(part, engine, config, process.device) for part in waiting
                ]

        # Update on this step's share of the collection.
        tell("phase", step, phase="training")
        update_started = time.monotonic()
        groups = waiting.pop(0)
        minibatch = make_minibatch(groups, process.device, mask_truncated=grpo.mask_truncated)
        learning_rate = config.optim.learning_rate * warmup(step, config.optim.warmup_steps)
        result, tally = update(
            engine, minibatch, setup.reference, config, learning_rate,
            longest=sampling.max_new_tokens_at(step),
        )  # fmt: skip
        counts_LE = engine.balance_experts(config.optim.expert_bias_rate)
        if setup.reference and grpo.ref_refresh_steps and step % grpo.ref_refresh_steps == 0:
            setup.reference.load_state_dict(engine.policy.state_dict())
        update_s = time.monotonic() - update_started

        # Tell: metrics over all ranks, and every completion.
        tally.sums.update(guesses_made=guesses.made, guesses_stood=guesses.stood)
        totals = tally.over_ranks(process)
        gathered = process.gather([(group, completion_records(group)) for group in groups])
        setup.step, setup.tokens_total = step, setup.tokens_total + round(totals["tokens"])
        step_s = time.monotonic() - step_started
        if gathered:
            values = rollout_metrics([records for _, records in gathered]) | {
                **update_metrics(totals),
                "optim/grad_norm": result.grad_norm,
                "optim/learning_rate": learning_rate,
                "optim/skipped": float(result.skipped),
                **expert_load(counts_LE),
                **extra_losses(totals),
                **acceptance(totals),
                "perf/tokens_per_s": totals["tokens"] / step_s,
                "perf/completions_per_s": config.completions_per_step / step_s,
                "time/rollout_s": rollout_s,
                "time/reward_s": reward_s,
                "time/update_s": update_s,
                "time/step_s": step_s,
                "tokens/total": float(setup.tokens_total),
            }
            tell("metrics", step, values=values)
            trouble = reward_warnings([records for _, records in gathered])
            for warning in (*trouble, *silence.warnings(values)):
                tell("log", step, level="warning", message=warning)
            for place, (group, records) in enumerate(gathered):
                tell(
                    "rollouts",
                    step,
                    group=place,
                    policy_version=policy_version,
                    fingerprint=group.fingerprint,
                    prompt=group.prompt,
                    question=group.problem.question,
                    answer=group.problem.answer,
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
    return "finished" if finished else "stopped"


def save(
    setup: Setup, process: Process, step: int, score: float | None
) -> checkpoint.Written | None:
    """Write a checkpoint, all ranks together; rank 0 learns what was written. `score` is the
    held-out pass@1 of this step, if it was measured."""
    partial = checkpoint.partial_path(setup.run_dir, step)
    if process.is_main:
        checkpoint.begin(partial)
        policy.save(setup.engine.policy, partial / checkpoint.WEIGHTS, setup.tokenizer_path)
        if setup.reference is not None:
            policy.save(setup.reference, partial / checkpoint.REFERENCE)
    process.barrier()
    setup.engine.save(partial / checkpoint.ENGINE)
    process.barrier()
    written = None
    if process.is_main:
        config = setup.config
        manifest = checkpoint.Manifest(
            step=step, tokens_total=setup.tokens_total, processes=process.world_size,
            zero_stage=config.hardware.zero_stage, score=score,
            expert_parallel=config.hardware.expert_parallel,
            dtype=str(setup.dtype).removeprefix("torch."),
        )  # fmt: skip
        written = checkpoint.commit(partial, manifest, config.checkpoint)
    process.barrier()
    return written


def derive_seed(seed: int, step: int, place: int) -> int:
    """A seed of its own for each prompt, by its place among the step's prompts of all ranks, below
    2⁶³."""
    digest = hashlib.sha256(f"sampling/{seed}/{step}/{place}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("torch", "deepspeed", "reasoning-gym")}
    return {"python": platform.python_version(), **packages}
