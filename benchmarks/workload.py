"""What all benchmarks work on: the shipped base model and the problems of `r1-zero-nano`."""

from __future__ import annotations

from training.base_models import find_model
from training.config import RunConfig, resolve
from training.tasks import Problem, build_task, build_template

BASE = find_model("nano-base")


def run_config() -> RunConfig:
    """The preset: 8 prompts, groups of 16, completions of up to 64 tokens, KL to a reference."""
    return resolve("r1-zero-nano", {}).config


def problems(config: RunConfig) -> list[Problem]:
    task = build_task(config.task)
    return [task.training_problem(0, index) for index in range(config.grpo.prompts_per_step)]


def prompt_of(problem: Problem, config: RunConfig) -> str:
    return build_template(config.task, BASE)(problem)
