"""What a policy is asked: one task a file."""

from __future__ import annotations

from training.config import TaskConfig
from training.tasks.problem import Problem, Task, TaskError, is_held_out
from training.tasks.reasoning_gym import ReasoningGymTask
from training.tasks.template import TEMPLATES

TASKS = {"reasoning_gym": ReasoningGymTask}


def build_task(config: TaskConfig) -> Task:
    """Raises TaskError when the options do not suit the task."""
    return TASKS[config.type](config.name, config.options)


__all__ = ["TEMPLATES", "Problem", "Task", "TaskError", "build_task", "is_held_out"]
