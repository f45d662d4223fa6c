"""1 when the answer is right by the task's verifier, else 0."""

from __future__ import annotations

import re

from training.tasks import Problem, Task

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def accuracy(completion: str, problem: Problem, task: Task) -> float:
    """The last `<answer>` counts, whatever stands around it: the form has a reward of its own."""
    answers = _ANSWER.findall(completion)
    return float(bool(answers) and task.is_right(answers[-1].strip(), problem))
