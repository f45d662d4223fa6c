"""1 when the answer is right by the task's verifier, else 0."""

from __future__ import annotations

import re

from training.tasks import Problem, Task

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_SHOWN = 60
"""Characters of an answer in a reason."""


def accuracy(completion: str, problem: Problem, task: Task) -> float:
    """1 when the answer is right by the task's verifier, else 0."""
    answer = answer_of(completion)
    return float(answer is not None and task.is_right(answer, problem))


def answer_of(completion: str) -> str | None:
    """The last `<answer>` counts, whatever stands around it: the form has a reward of its own."""
    answers = _ANSWER.findall(completion)
    return str(answers[-1]).strip() if answers else None


def parsed_of(completion: str, problem: Problem, task: Task) -> str | None:
    """What the verifier reads as the answer; None when there is nothing that it can read."""
    answer = answer_of(completion)
    return task.parsed(answer, problem) if answer else None


def why_wrong(completion: str, problem: Problem, task: Task) -> str:
    """Why an answer that is not right is not."""
    answer = answer_of(completion)
    if answer is None:
        return "no </answer>" if "<answer>" in completion else "no <answer>"
    if not answer:
        return "the answer is empty"
    if task.comparison(problem) == "none":
        return "the program does not pass its tests"
    parsed = task.parsed(answer, problem)
    if parsed is None:
        return f"nothing that the verifier can read in {_short(answer)}"
    if not problem.answer:
        return f"parsed {_short(parsed)}, which the verifier refuses"
    return f"parsed {_short(parsed)}, expected {_short(problem.answer)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
