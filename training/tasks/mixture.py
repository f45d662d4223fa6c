"""Several tasks, each asked for its share of the problems.

Numbers of problems are cut into blocks of 1,000. In each block every part has the same number of
places, by its weight (largest remainders), in an order shuffled by seed and block. So the share
is exact, and the how-manieth problem of its part any problem is follows without counting: a part
that is a file is read through epoch by epoch, as it is when alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate

from training.config import MixtureConfig, SingleTaskConfig
from training.tasks.permutation import shuffled
from training.tasks.problem import Comparison, Problem, Task, TaskError, number_of

BLOCK = 1000
_ATTEMPTS = 1000
_HELD_OUT = "held out"


class Mixture(Task):
    """The parts by name; a problem's `task` is the name of the part it is of."""

    def __init__(
        self, config: MixtureConfig, field: str, build: Callable[[SingleTaskConfig, str], Task]
    ) -> None:
        self._field = field
        self._names = [part.label for part in config.parts]
        self._parts = [
            build(part.task, f"{field}.parts.{place}.task")
            for place, part in enumerate(config.parts)
        ]
        self._quotas = quotas([part.weight for part in config.parts], BLOCK)
        self._starts = [0, *accumulate(self._quotas)]

    def training_problem(self, seed: int, index: int) -> Problem:
        part, number = self._place(str(seed), index)
        for attempt in range(_ATTEMPTS):
            own_seed = number_of(f"mixture/{seed}/{part}/{attempt}")
            problem = self._parts[part].training_problem(own_seed, number)
            if not self.is_held_out(problem.question):
                return replace(problem, task=self._names[part])
        raise TaskError(
            f"{self._field}.parts.{part}.task: other parts hold out all of its questions, so that "
            "none is left to train on."
        )

    def held_out_problems(self, count: int) -> list[Problem]:
        places = [self._place(_HELD_OUT, index)[0] for index in range(count)]
        asked = Counter(places)
        supply = {part: _held_out(self._parts[part], asked[part]) for part in asked}
        problems: dict[str, Problem] = {}
        for part in places:
            problem = next(found for found in supply[part] if found.question not in problems)
            problems[problem.question] = replace(problem, task=self._names[part])
        return list(problems.values())

    def is_held_out(self, question: str) -> bool:
        return any(part.is_held_out(question) for part in self._parts)

    def is_right(self, answer: str, problem: Problem) -> bool:
        return self._parts[self._names.index(problem.task)].is_right(answer, problem)

    def comparison(self, problem: Problem) -> Comparison:
        return self._parts[self._names.index(problem.task)].comparison(problem)

    def _place(self, key: str, index: int) -> tuple[int, int]:
        """Which part problem `index` is of, and its number within that part."""
        block, place = divmod(index, BLOCK)
        slot = shuffled(place, BLOCK, f"mixture/{key}/{block}")
        part = bisect_right(self._starts, slot) - 1
        return part, block * self._quotas[part] + slot - self._starts[part]


def _held_out(task: Task, count: int) -> Iterator[Problem]:
    """The held-out problems of a part: as many as are asked for, and more where another part has
    the same ones."""
    yield from task.held_out_problems(count)
    while True:
        count += 1
        yield task.held_out_problems(count)[-1]


def quotas(weights: list[float], places: int) -> list[int]:
    """`places` shared out by weight; what rounding leaves goes to the largest remainders."""
    exact = [places * weight / sum(weights) for weight in weights]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda part: (whole[part] - exact[part], part))
    for part in by_remainder[: places - sum(whole)]:
        whole[part] += 1
    return whole
