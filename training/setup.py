"""Everything a stage needs before its first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training.base_models import StartError
from training.checkpoint import Checkpoint, CheckpointError
from training.config import HardwareConfig, Planned, RunConfig, SamplingConfig
from training.distributed.process import Process
from training.events import Stretch
from training.grpo.held_out import HeldOut, build_held_out
from training.model import Policy, policy
from training.model.dtype import EMULATED, has_native_fp8, weights_dtype
from training.rewards import RewardPool
from training.rollout import MakeSampler, samplers
from training.rollout.engine import SamplingError
from training.rollout.native import NO_EXPERTS, NO_GUESSER
from training.rollout.vllm.peer import check_installed
from training.safety.evaluate import Ready, prepare
from training.tasks import Evaluated, LeftOut, Task, Template, build_task, build_template
from training.tokenizer import TextTokenizer, TokenizerError


@dataclass
class Setup:
    """The parts of one stage, on this rank. Steps count within the stage."""

    config: RunConfig
    """The stage's own."""
    planned: Planned
    run_dir: Path
    process: Process
    task: Task
    task_ahead: Task
    """The same, for who samples ahead of training; without that the very same."""
    template: Template
    tokenizer: TextTokenizer
    source: Path
    """Directory that model and tokenizer were read from."""
    rewards: RewardPool
    held_out: list[HeldOut]
    """The stage's own, then those of `evaluation.sets`."""
    safety: Ready | None
    """What `evaluation.safety` asks; None where it is off."""
    model: Policy
    load: Callable[[Path], Policy]
    """Reads another directory likewise."""
    make_sampler: MakeSampler
    dtype: torch.dtype
    """Of the weights."""
    start: Checkpoint | None
    """What the stage goes on from, once it has begun."""
    step: int
    """Steps already done."""
    tokens_total: int
    """Of the whole run, as is the next."""
    skipped_total: int
    """Steps whose gradient was not finite."""
    warnings: list[str]
    """Sentences for the person who watches."""
    left_out: LeftOut | None
    """What is not trained on as an evaluation has the like; None where nobody looked."""
    lineage: list[Stretch] = field(default_factory=list)
    """What checkpoints of it hold of their making; rank 0's."""

    @property
    def steps(self) -> int:
        return self.planned.steps

    @property
    def precision(self) -> str:
        """What products are made in, for people."""
        fp8 = self.config.hardware.dtype == "fp8"
        return "fp8" if fp8 else str(self.dtype).removeprefix("torch.")


def set_up(
    config: RunConfig,
    planned: Planned,
    run_dir: Path,
    process: Process,
    rewards: RewardPool,
    set_rewards: RewardPool | None,
    source: Path,
    start: Checkpoint | None,
) -> Setup:
    """Load the model of `source`, its tokenizer and the task. `start` is a checkpoint of this very
    stage, if there is one.

    `set_rewards` is what `held_out.set_pool` gives.

    Raises StartError, TaskError, TokenizerError, CheckpointError, SamplingError, SafetyError or
    RewardError for what a person can mend.
    """
    if start is not None:
        _check_fits(start, config)
    _check_engine(config)
    warnings = _check_fp8(config.hardware, process.device)
    tokenizer = TextTokenizer.load(source)
    task = build_task(config.task)
    task.training_problem(config.seed, 0)  # a task with none is told of now
    template = build_template(config.task, source)
    dtype = weights_dtype(config.hardware.dtype, process.device)

    def load(directory: Path) -> Policy:
        model = policy.load(directory, dtype)
        if config.hardware.dtype == "fp8":
            policy.to_fp8(model)
        return model

    model = load(source)
    _check_vocabulary(tokenizer, model)
    held_out = build_held_out(config, task, tokenizer, source, rewards, set_rewards)
    for one in held_out:
        check_room(config.sampling, one, model)
    task_ahead = build_task(config.task) if config.sampling.staleness else task
    left_out = _decontaminate(config, task, task_ahead, held_out)
    if config.sampling.speculative and getattr(model, "mtp", None) is None:
        raise StartError(NO_GUESSER)
    if config.sampling.routing_replay and not policy.has_experts(model):
        raise StartError(NO_EXPERTS)
    return Setup(
        config=config,
        planned=planned,
        run_dir=run_dir,
        process=process,
        task=task,
        task_ahead=task_ahead,
        template=template,
        tokenizer=tokenizer,
        source=source,
        rewards=rewards,
        held_out=held_out,
        safety=prepare(config.evaluation.safety) if config.evaluation.safety else None,
        model=model,
        load=load,
        make_sampler=samplers(config.sampling, process, run_dir, tokenizer),
        dtype=dtype,
        start=start,
        step=start.manifest.step - planned.before if start else 0,
        tokens_total=start.manifest.tokens_total if start else 0,
        skipped_total=start.manifest.skipped_total if start else 0,
        warnings=warnings,
        left_out=left_out,
    )


def _decontaminate(
    config: RunConfig, task: Task, task_ahead: Task, held_out: list[HeldOut]
) -> LeftOut | None:
    """Have the task leave out what evaluations have, where the config asks for it."""
    ngram = config.evaluation.decontaminate
    if ngram is None:
        return None
    evaluated = Evaluated((problem for one in held_out for problem in one.problems), ngram)
    if task_ahead is not task:
        task_ahead.leave_out(evaluated)
    return task.leave_out(evaluated)


def _check_vocabulary(tokenizer: TextTokenizer, model: Policy) -> None:
    if tokenizer.vocab_size > model.config.vocab_size:
        raise TokenizerError(
            f"tokenizer.json has {tokenizer.vocab_size} tokens, the model's vocab_size is "
            f"{model.config.vocab_size}: they do not belong together."
        )


def check_room(sampling: SamplingConfig, held_out: HeldOut, model: Policy) -> None:
    """Raises StartError when the longest completion of the longest prompt has no room."""
    positions = getattr(model.config, "max_position_embeddings", None)
    longest = max(map(len, held_out.prompts))
    field, limit = sampling.longest
    where = f" (of the set {held_out.name})" if held_out.name else ""
    if positions is not None and longest + limit > positions:
        raise StartError(
            f"{field}: {limit} tokens after a prompt of {longest}{where} are more than the model's "
            f"{positions} positions; take fewer."
        )


def _check_engine(config: RunConfig) -> None:
    if config.sampling.engine.type == "vllm":
        try:
            check_installed(config.sampling.engine)
        except SamplingError as error:
            raise StartError(str(error)) from error


def _check_fp8(hardware: HardwareConfig, device: torch.device) -> list[str]:
    """What to warn of when FP8 was asked for. Raises StartError when it may not be emulated."""
    if hardware.dtype != "fp8" or has_native_fp8(device):
        return []
    if hardware.require_native_fp8:
        raise StartError(
            f"hardware.require_native_fp8: {device} has no FP8 arithmetic; switch this off to "
            "emulate it, or set another hardware.dtype."
        )
    return [f"hardware.dtype: {EMULATED.format(device=device)}"]


def _check_fits(start: Checkpoint, config: RunConfig) -> None:
    made, hardware = start.manifest, config.hardware
    if (made.processes, made.zero_stage) != (hardware.processes, hardware.zero_stage):
        raise CheckpointError(
            f"hardware: the checkpoint was written by {made.processes} processes with ZeRO stage "
            f"{made.zero_stage}; set the same, or start a new run from its weights."
        )
    if made.expert_parallel != hardware.expert_parallel:
        raise CheckpointError(
            f"hardware.expert_parallel: the checkpoint was written with {made.expert_parallel}; "
            "set the same, or start a new run from its weights."
        )
