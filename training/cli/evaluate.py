"""evaluate: the held-out score of a model that is there, as a job of its own."""

from __future__ import annotations

import json
import math
import re
import sys
import tempfile
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

from training.base_models import StartError
from training.cli.errors import UserError
from training.cli.models import load_model
from training.cli.train import CONFIG_FILE, resolve_arguments
from training.config import RunConfig
from training.distributed.process import DeviceError, Process
from training.grpo.evaluate import evaluate
from training.grpo.held_out import build_held_out, rules_only, set_pool
from training.journal import Journal
from training.rewards import RewardError, RewardPool
from training.rollout import samplers
from training.rollout.engine import SamplingError
from training.setup import check_room
from training.tasks import TaskError, build_task

PRESET = "r1-zero-nano"
"""Whose task and evaluation, when the command line names none."""


def evaluate_command(args: Namespace) -> int:
    """Print the metrics of docs/evaluation.md, a line each or as JSON."""
    if args.config is None and args.preset is None:
        args.preset = PRESET
    config = resolve_arguments(args).config
    config = config.model_copy(
        update={"hardware": config.hardware.model_copy(update={"processes": 1})}
    )
    name = config.model.path if args.model is None else args.model
    journal = None if args.run_dir is None else open_journal(args.run_dir, "evaluation")
    try:
        values = _measure(config, name)
    except (StartError, TaskError, RewardError, SamplingError, DeviceError) as error:
        raise UserError(str(error)) from error
    if journal is not None:
        journal.write(
            "evaluation", step_of(name), values=values, problems=config.evaluation.problems,
            completions_per_problem=config.evaluation.completions_per_problem,
        )  # fmt: skip
        journal.close()
    _show(name, config, values, as_json=args.json)
    return 0


def _measure(config: RunConfig, name: str) -> dict[str, float]:
    model, tokenizer, source = load_model(name)
    with ExitStack() as stack:
        process = Process(config.hardware.device)
        stack.callback(process.close)
        rewards = stack.enter_context(RewardPool(config.task, rules_only(config.reward)))
        sets = set_pool(config)
        set_rewards = None if sets is None else stack.enter_context(sets)
        task = build_task(config.task)
        held_out = build_held_out(config, task, tokenizer, source, rewards, set_rewards)
        for one in held_out:
            check_room(config.sampling, one, model)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_sampler = samplers(config.sampling, process, scratch, tokenizer)
        sampler = make_sampler(model.to(process.device), 0)
        return evaluate(sampler, held_out, config, process)


def _show(name: str, config: RunConfig, values: dict[str, float], *, as_json: bool) -> None:
    if not as_json:
        for metric, value in values.items():
            sys.stdout.write(f"{metric} {value:.4f}\n")
        return
    told = {
        "model": name,
        "evaluation": config.evaluation.model_dump(mode="json"),
        "k": config.evaluation.at_k,
        "values": {key: None if math.isnan(value) else value for key, value in values.items()},
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


def open_journal(run_dir: Path, stage: str) -> Journal:
    """A new journal there. Raises UserError where a run writes its own, or nobody can."""
    if (run_dir / CONFIG_FILE).exists():
        raise UserError(
            f"--run-dir: {run_dir} is a run's own directory, whose trainer writes the journal: "
            "take another."
        )
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        return Journal(run_dir, stage=stage)
    except OSError as error:
        raise UserError(f"--run-dir: {run_dir} cannot be written ({error.strerror}).") from error


def step_of(name: str) -> int:
    """Of a checkpoint its step, else 0."""
    found = re.search(r"step-(\d+)", name)
    return int(found[1]) if found else 0
