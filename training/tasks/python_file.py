"""A person's own task: a Python file with a function that makes problems.

It defines `problem(rng, options)`, which gives a mapping with `question` and `answer`, both text,
and whatever else its verifier wants; and, unless an answer is right only when it equals that text,
`is_right(answer, problem)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from training.config import PythonTaskConfig, task_name
from training.tasks.generated import GeneratedTask
from training.tasks.problem import Problem, TaskError, digest_of, rated
from training.user_file import UserFileError, blame, load_user_file


class PythonTask(GeneratedTask):
    """Problems by the person's own functions; see `training.tasks.problem.Task`."""

    def __init__(self, config: PythonTaskConfig, field: str) -> None:
        super().__init__(field)
        self._config, self._name = config, task_name(config)
        try:
            module = load_user_file(config.path)
        except UserFileError as error:
            raise TaskError(f"{field}.path: {error}") from error
        make, verify = getattr(module, "problem", None), getattr(module, "is_right", equal)
        if not callable(make) or not callable(verify):
            raise TaskError(
                f"{field}.path: {config.path} has to define a function problem(rng, options), and "
                "may define is_right(answer, problem)."
            )
        self._make: Callable[[Random, dict[str, Any]], Mapping[str, Any]] = make
        self._verify: Callable[[str, Mapping[str, Any]], bool] = verify

    def is_right(self, answer: str, problem: Problem) -> bool:
        return bool(self._verify(answer, problem.entry))

    def draw(self, name: str) -> Problem:
        path = self._config.path
        try:
            made = self._make(Random(name), dict(self._config.options))  # noqa: S311 - no secret
        except Exception as error:  # anybody's code: told with file and line
            raise TaskError(f"{self.field}.path: {blame(error, path)}") from error
        if not isinstance(made, Mapping) or not all(
            isinstance(made.get(key), str) for key in ("question", "answer")
        ):
            raise TaskError(
                f"{self.field}.path: problem() of {path} has to give a mapping with question and "
                f"answer, both text, not {made!r:.200}."
            )
        question = made["question"]
        return Problem(
            question, made["answer"], made,
            id=digest_of(question), task=self._name, rated=rated(made),
        )  # fmt: skip


def equal(answer: str, problem: Mapping[str, Any]) -> bool:
    """What counts as right where the file does not say: the very text, but for space around it."""
    return answer.strip() == str(problem["answer"]).strip()
