"""Several tasks, each asked for its share of the problems.

Numbers of problems are cut into blocks of 1,000. In each block every part has the same number of
places, by its weight (largest remainders), in an order shuffled by seed and block. So the share
is exact, and the how-manieth problem of its part any problem is follows without counting: a part
that is a file is read through epoch by epoch, as it is when alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from training.config import MixtureConfig, SingleTaskConfig
from training.tasks.curriculum import PassRates, mean
from training.tasks.decontamination import Evaluated, LeftOut
from training.tasks.permutation import shuffled
from training.tasks.problem import Comparison, Measured, Problem, Task, TaskError, number_of

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
        self._rates = PassRates(config.curriculum) if config.curriculum else None
        self._last: dict[str, float] = {}

    def training_problem(self, seed: int, index: int) -> Problem:
        part, number, key = self._choose(seed, index)
        for attempt in range(_ATTEMPTS):
            own_seed = number_of(f"mixture/{key}/{part}/{attempt}")
            problem = self._parts[part].training_problem(own_seed, number)
            if not self.is_held_out(problem.question):
                return replace(problem, task=self._names[part])
        raise TaskError(
            f"{self._field}.parts.{part}.task: other parts hold out all of its questions, so that "
            "none is left to train on."
        )

    def _choose(self, seed: int, index: int) -> tuple[int, int, str]:
        """Part of problem `index`, its number within that part, and what makes its draw its own.

        Under a curriculum a part that it does not want cedes the place to one drawn anew.
        """
        keys = (f"{seed}/{attempt}" for attempt in range(_ATTEMPTS))
        draws = ((*self._place(key, index), key) for key in keys)
        first = next(draws)
        if self._rates is None or self._rates.wants(self._names[first[0]], first[1]):
            return first
        wanted = (draw for draw in draws if self._rates.wants(self._names[draw[0]], draw[1]))
        return next(wanted, first)

    def observe(self, measured: Sequence[Measured]) -> None:
        own = {name: [each for each in measured if each.task == name] for name in self._names}
        asked = {
            name: mean([each.pass_rate for each in found]) for name, found in own.items() if found
        }
        self._last |= asked
        if self._rates is not None:
            self._rates.observe(asked.items())
        for name, part in zip(self._names, self._parts, strict=True):
            part.observe(own[name])

    def state(self) -> dict[str, Any]:
        return {
            "last": dict(self._last),
            "rates": self._rates.state() if self._rates else None,
            "parts": [part.state() for part in self._parts],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._last = dict(state["last"])
        if self._rates is not None:
            self._rates.restore(state["rates"])
        for part, kept in zip(self._parts, state["parts"], strict=True):
            part.restore(kept)

    def metrics(self) -> dict[str, float]:
        """Every part's pass rate, and what its own curriculum tells, with its name at the end."""
        found = {f"task/pass_rate/{name}": rate for name, rate in self._last.items()}
        for name, part in zip(self._names, self._parts, strict=True):
            found |= {f"{key}/{name}": value for key, value in part.metrics().items()}
        return found

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

    def leave_out(self, evaluated: Evaluated) -> LeftOut:
        found = LeftOut()
        for part in self._parts:
            found.join(part.leave_out(evaluated))
        return found

    def is_right(self, answer: str, problem: Problem) -> bool:
        return self._parts[self._names.index(problem.task)].is_right(answer, problem)

    def parsed(self, answer: str, problem: Problem) -> str | None:
        return self._parts[self._names.index(problem.task)].parsed(answer, problem)

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
