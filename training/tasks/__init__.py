"""What a policy is asked: one task a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.config import MixtureConfig, ReasoningGymConfig, SingleTaskConfig, TaskConfig
from training.tasks.mixture import Mixture
from training.tasks.problem import Measured, Problem, Task, TaskError, is_held_out
from training.tasks.reasoning_gym import ReasoningGymTask
from training.tasks.template import Template, build_template

TASKS: dict[type[Any], Callable[[Any], Task]] = {
    ReasoningGymConfig: ReasoningGymTask,
    MixtureConfig: lambda config: Mixture(config, build_task),
}


def build_task(config: TaskConfig | SingleTaskConfig) -> Task:
    """Raises TaskError when the options do not suit the task."""
    return TASKS[type(config)](config)


__all__ = [
    "Measured",
    "Problem",
    "Task",
    "TaskError",
    "Template",
    "build_task",
    "build_template",
    "is_held_out",
]
