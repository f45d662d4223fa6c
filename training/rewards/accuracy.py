"""1 when the answer is right by the task's verifier, else 0."""

from __future__ import annotations

import re

from training.tasks import Problem, Task

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def accuracy(completion: str, problem: Problem, task: Task) -> float:
    """1 when the answer is right by the task's verifier, else 0."""
    answer = answer_of(completion)
    return float(answer is not None and task.is_right(answer, problem))


def answer_of(completion: str) -> str | None:
    """The last `<answer>` counts, whatever stands around it: the form has a reward of its own."""
    answers = _ANSWER.findall(completion)
    return str(answers[-1]).strip() if answers else None
