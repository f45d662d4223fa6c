"""The problems that a policy is evaluated on: a run's own held-out ones, and further sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from training.config import EvaluationSetConfig, MixtureConfig, PartConfig, RewardConfig, RunConfig
from training.rewards import RewardPool
from training.tasks import Problem, Task, TaskError, Template, build_task, build_template
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class HeldOut:
    """The problems of an evaluation, with their prompts as tokens."""

    name: str
    """"" for the run's own, else of the set."""
    task: Task
    rewards: RewardPool
    tokenizer: TextTokenizer
    problems: list[Problem]
    prompts: list[list[int]]
    max_new_tokens: int


def set_pool(config: RunConfig) -> RewardPool | None:
    """What scores `evaluation.sets`, all by the same processes; None without sets.

    Raises RewardError.
    """
    mixture = _mixture(config)
    return None if mixture is None else RewardPool(mixture, rules_only(config.reward))


def rules_only(config: RewardConfig) -> RewardConfig:
    """Just what an evaluation asks for: neither a judge nor anybody's own rewards."""
    return RewardConfig(workers=config.workers, timeout_s=config.timeout_s)


def build_held_out(
    config: RunConfig,
    task: Task,
    tokenizer: TextTokenizer,
    source: Path,
    rewards: RewardPool,
    set_rewards: RewardPool | None,
) -> list[HeldOut]:
    """The run's own held-out problems, then those of `evaluation.sets`.

    `source` is the tokenizer's directory, `set_rewards` what `set_pool` gave. Raises TaskError.
    """
    longest = config.sampling.longest[1]

    def held_out(
        name: str, task: Task, template: Template, pool: RewardPool, problems: list[Problem]
    ) -> HeldOut:
        prompts = [tokenizer.encode_prompt(template(problem)) for problem in problems]
        return HeldOut(name, task, pool, tokenizer, problems, prompts, longest)

    own = task.held_out_problems(config.evaluation.problems)
    found = [held_out("", task, build_template(config.task, source), rewards, own)]
    mixture = _mixture(config)
    if mixture is not None and set_rewards is not None:
        sets = build_task(mixture, _FIELD)
        for place, one in enumerate(config.evaluation.sets):
            template = build_template(one.task, source, f"{_FIELD}.{place}.task")
            problems = [replace(each, task=one.name) for each in _problems(one, place)]
            found.append(held_out(one.name, sets, template, set_rewards, problems))
    return found


_FIELD = "evaluation.sets"


def _mixture(config: RunConfig) -> MixtureConfig | None:
    parts = [PartConfig(name=one.name, task=one.task) for one in config.evaluation.sets]
    return MixtureConfig(parts=parts) if parts else None


def _problems(config: EvaluationSetConfig, place: int) -> list[Problem]:
    field = f"{_FIELD}.{place}"
    try:
        return build_task(config.task, f"{field}.task").held_out_problems(config.problems)
    except TaskError as error:  # which speaks of the run's own problems
        message = str(error).replace("evaluation.problems", f"{field}.problems", 1)
        raise TaskError(message) from error
