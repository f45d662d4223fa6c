"""1 when the completion has the form that the template asks for, else 0."""

from __future__ import annotations

from training.rewards.form import parts
from training.tasks import Problem, Task


def format_reward(completion: str, problem: Problem, task: Task) -> float:  # noqa: ARG001 - all rewards are called alike
    """One `<think>` part, then one `<answer>`, nothing else, and the sequence ended."""
    return float(parts(completion) is not None)
