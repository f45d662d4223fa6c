"""What a policy is asked: one task a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from training.config import (
    CodeTaskConfig,
    FileTaskConfig,
    MixtureConfig,
    PythonTaskConfig,
    ReasoningGymConfig,
    SingleTaskConfig,
    TaskConfig,
)
from training.tasks.code import CodeTask
from training.tasks.decontamination import Evaluated, LeftOut
from training.tasks.file import FileTask
from training.tasks.mixture import Mixture
from training.tasks.problem import Measured, Problem, Task, TaskError, is_held_out
from training.tasks.python_file import PythonTask
from training.tasks.reasoning_gym import ReasoningGymTask
from training.tasks.template import Template, build_template


def build_task(config: TaskConfig | SingleTaskConfig, field: str = "task") -> Task:
    """`field` is where the config stands, for what is told of it.

    Raises TaskError when the options do not suit the task.
    """
    return TASKS[type(config)](config, field)


TASKS: dict[type[Any], Callable[[Any, str], Task]] = {
    CodeTaskConfig: CodeTask,
    FileTaskConfig: FileTask,
    MixtureConfig: partial(Mixture, build=build_task),
    PythonTaskConfig: PythonTask,
    ReasoningGymConfig: ReasoningGymTask,
}


__all__ = [
    "Evaluated",
    "LeftOut",
    "Measured",
    "Problem",
    "Task",
    "TaskError",
    "Template",
    "build_task",
    "build_template",
    "is_held_out",
]
