"""Problems of the reasoning-gym package, scored by its own verifiers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from training.config import ReasoningGymConfig
from training.tasks.curriculum import Levels
from training.tasks.generated import DrawError, GeneratedTask
from training.tasks.gym_mends import CHECKS, IN_ORDER, alone
from training.tasks.gym_package import load_generator
from training.tasks.problem import Measured, Problem, TaskError, digest_of, number_of

_MADE_BEFOREHAND = {"acre": 10, "gsm_symbolic": 1, "list_functions": 1, "word_ladder": 1}
"""Tasks that make a whole set by one seed, with the size of the set whose first problem we take:
acre mixes three kinds of problems in a set."""
_SEED_BITS = {"pool_matrix": 32}
"""Where a generator takes shorter seeds than 64 bits."""


class ReasoningGymTask(GeneratedTask):
    """One generator of reasoning-gym with its options, at one level or under a curriculum."""

    def __init__(self, config: ReasoningGymConfig, field: str) -> None:
        super().__init__(field)
        self._config, self._name = config, config.name
        self._generator = load_generator(config.name, field)
        self._datasets: dict[int | None, Any] = {}
        self._levels: Levels | None = None
        if config.level is not None or config.curriculum is not None:
            levels = self._range()
            first = levels[0] if config.level is None else config.level
            if config.curriculum is not None:
                self._levels = Levels(config.curriculum, levels, first)
        self._at(self._level)  # wrong options are told here

    def is_right(self, answer: str, problem: Problem) -> bool:
        """Only the package's full score is right: partial credit exists, 0.01 and more for text
        around the answer."""
        check = CHECKS.get(self._name)
        if check is not None and not check(answer, problem.answer):
            return False
        try:
            return self._score(answer, problem) == 1.0
        except Exception:  # noqa: BLE001 - many scorers raise, each its own, on what they cannot read
            self._score(problem.answer, problem)  # raises as well where the scorer is at fault
            return False

    def draw(self, name: str) -> Problem:
        return self._draw(name, self._level)

    def draw_held_out(self, number: int) -> Problem:
        """Under a curriculum all levels alike, so that the score shows every step up."""
        level = self._config.level
        if self._levels is not None:
            level = self._levels.range[number % len(self._levels.range)]
        return self._draw(f"held out/{number}", level)

    def observe(self, measured: Sequence[Measured]) -> None:
        if self._levels is not None:
            self._levels.observe((each.level, each.pass_rate) for each in measured)

    def state(self) -> dict[str, Any]:
        return self._levels.state() if self._levels else {}

    def restore(self, state: dict[str, Any]) -> None:
        if self._levels is not None:
            self._levels.restore(state)

    def metrics(self) -> dict[str, float]:
        return self._levels.metrics() if self._levels else {}

    @property
    def _level(self) -> int | None:
        return self._levels.level if self._levels else self._config.level

    def _draw(self, name: str, level: int | None) -> Problem:
        # reasoning-gym seeds problem i with `seed + i`: a wide hash keeps the draws apart.
        number = number_of(name) % 2 ** _SEED_BITS.get(self._name, 64)
        try:
            entry = self._entry(number, level)
        except TaskError:
            raise
        except Exception as error:  # a generator may raise anything: told, and drawn anew
            raise DrawError(f"{self._name}: {type(error).__name__}: {error}") from error
        question, answer = entry["question"], entry["answer"]
        return Problem(
            question,
            "" if answer is None else str(answer),
            entry,
            id=digest_of(question),
            task=self._name,
            level=level,
        )

    def _entry(self, number: int, level: int | None) -> dict[str, Any]:
        """What the package makes of a seed; codeio's programs fail at some."""
        with alone(number) if self._name == "codeio" else nullcontext():
            if self._name in _MADE_BEFOREHAND:
                made = self._build(number, _MADE_BEFOREHAND[self._name], level)
                return dict(made[0])
            return dict(self._at(level)[number])

    def _score(self, answer: str, problem: Problem) -> float:
        dataset = self._at(problem.level)
        return float(dataset.score_answer(answer, dict(problem.entry)))

    def _at(self, level: int | None) -> Any:
        """The generator at a level, made once."""
        if level not in self._datasets:
            size = _MADE_BEFOREHAND.get(self._name, 2**64)
            self._datasets[level] = self._build(0, size, level)
        return self._datasets[level]

    def _build(self, seed: int, size: int, level: int | None) -> Any:
        field = f"{self.field}.options: {self._name}"
        try:
            made = self._generator.make(seed, size, self._config.options, level)
        except TypeError as error:
            known = ", ".join(self._generator.options())
            raise TaskError(f"{field} takes only {known} ({error}).") from error
        except (AssertionError, ValueError) as error:
            raise TaskError(f"{field} refuses them: {error}.") from error
        if self._name in IN_ORDER:
            IN_ORDER[self._name](made)
        return made

    def _range(self) -> range:
        """The levels of the task or its curriculum. Raises TaskError where it has none of them."""
        config, levels = self._config, self._generator.levels(self._config.options)
        field = f"{self.field}.level: {self._name}"
        if not levels:
            raise TaskError(
                f"{field} has no levels with these options: leave it and {self.field}.curriculum "
                "out."
            )
        if config.level is not None and config.level not in levels:
            raise TaskError(f"{field} has levels {levels[0]} to {levels[-1]}, not {config.level}.")
        asked = config.curriculum.highest if config.curriculum else None
        first = levels[0] if config.level is None else config.level
        if asked is not None and asked < first:
            raise TaskError(
                f"{self.field}.curriculum.highest: {asked} is below the first level, {first}."
            )
        return levels if asked is None else range(levels[0], min(asked, levels[-1]) + 1)
