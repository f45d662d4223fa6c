"""Problems of the reasoning-gym package, scored by its own verifiers."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from training.tasks.problem import Problem, TaskError, is_held_out

_DRAWS_PER_PROBLEM = 400
"""How long to look for one more held-out problem before saying that there is none."""


class ReasoningGymTask:
    """One generator of reasoning-gym with its options; see `training.tasks.problem.Task`."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        dataset_class, config_class = _generator(name)
        try:
            self._dataset = dataset_class(config_class(seed=0, size=1, **options))
        except TypeError as error:
            known = ", ".join(
                sorted(set(config_class.__dataclass_fields__) - {"seed", "size", "difficulty"})
            )
            raise TaskError(f"task.options: {name} takes only {known} ({error}).") from error
        except (AssertionError, ValueError) as error:
            raise TaskError(f"task.options: {name} refuses them: {error}.") from error

    def training_problem(self, seed: int, index: int) -> Problem:
        for attempt in range(1000):
            problem = self._draw(f"training/{seed}/{index}/{attempt}")
            if not is_held_out(problem.question):
                return problem
        raise TaskError(
            "task.options: these options give so few questions that none is left to train on; "
            "widen their ranges."
        )

    def held_out_problems(self, count: int) -> list[Problem]:
        problems: dict[str, Problem] = {}
        draws_left = _DRAWS_PER_PROBLEM
        draw = 0
        while len(problems) < count and draws_left:
            problem = self._draw(f"held out/{draw}")
            draw += 1
            draws_left -= 1
            if is_held_out(problem.question) and problem.question not in problems:
                problems[problem.question] = problem
                draws_left = _DRAWS_PER_PROBLEM
        if len(problems) < count:
            raise TaskError(
                f"evaluation.problems: {count} held-out problems are asked for, the task with "
                f"these options has about {len(problems)}; lower it or widen task.options."
            )
        return list(problems.values())

    def is_right(self, answer: str, problem: Problem) -> bool:
        # Partial credit exists (0.01 and more for text around the answer): only 1.0 is right.
        return float(self._dataset.score_answer(answer, dict(problem.entry))) == 1.0

    def _draw(self, name: str) -> Problem:
        # reasoning-gym seeds problem i with `seed + i`: a wide hash keeps the draws apart.
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        entry = self._dataset[number]
        return Problem(entry["question"], entry["answer"], entry)


def _generator(name: str) -> tuple[Any, Any]:
    """Dataset and config class of one generator.

    The package's own `__init__` imports all of its hundred generators, and with them plotting
    libraries and a second and a half of start-up. Two bare package modules in its place make
    Python load the one file that is needed.
    """
    for package in ("reasoning_gym", "reasoning_gym.arithmetic"):
        if package not in sys.modules:
            spec = importlib.util.find_spec(package)
            if spec is None or spec.submodule_search_locations is None:
                raise TaskError("The package reasoning-gym is not installed: install it with pip.")
            module = ModuleType(package)
            module.__path__ = list(spec.submodule_search_locations)
            module.__spec__ = spec
            sys.modules[package] = module
    importlib.import_module(f"reasoning_gym.arithmetic.{name}")
    factory = importlib.import_module("reasoning_gym.factory")
    pair: tuple[Any, Any] = factory.DATASETS[name]
    return pair
