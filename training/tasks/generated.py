"""Tasks whose problems are made, not stored: any number, each by the hash of its place in the run.

The hash of the question decides which are held out (`is_held_out`), so no list has to be kept.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress

from training.tasks.problem import Problem, Task, TaskError, is_held_out

_DRAWS_FOR_TRAINING = 1000
"""How often to draw again where every question came out held out."""
_DRAWS_PER_PROBLEM = 400
"""How long to look for one more held-out problem before saying that there is none."""


class DrawError(Exception):
    """The generator failed at this draw; the next one is tried."""


class GeneratedTask(Task):
    """Draws training and held-out problems apart; what a draw is, is the subclass's own."""

    def __init__(self, field: str) -> None:
        """`field` is where the config stands, for what is told of it."""
        self.field = field

    @abstractmethod
    def draw(self, name: str) -> Problem:
        """The problem of that name: the same for ever, but for what a curriculum moves.

        Raises DrawError where there is none.
        """

    def draw_held_out(self, number: int) -> Problem:
        """Problem `number` of those among which the held-out ones are looked for."""
        return self.draw(f"held out/{number}")

    def training_problem(self, seed: int, index: int) -> Problem:
        failure: DrawError | None = None
        for attempt in range(_DRAWS_FOR_TRAINING):
            try:
                problem = self.draw(f"training/{seed}/{index}/{attempt}")
            except DrawError as error:
                failure = error
                continue
            if not is_held_out(problem.question):
                return problem
        if failure is not None:
            raise TaskError(f"{self.field}.options: no problem comes of these: {failure}")
        raise TaskError(
            f"{self.field}.options: these options give so few questions that none is left to train "
            "on; widen their ranges."
        )

    def held_out_problems(self, count: int) -> list[Problem]:
        problems: dict[str, Problem] = {}
        draws_left = _DRAWS_PER_PROBLEM
        draw = 0
        while len(problems) < count and draws_left:
            with suppress(DrawError):
                problem = self.draw_held_out(draw)
                if is_held_out(problem.question) and problem.question not in problems:
                    problems[problem.question] = problem
                    draws_left = _DRAWS_PER_PROBLEM + 1
            draw += 1
            draws_left -= 1
        if len(problems) < count:
            raise TaskError(
                f"evaluation.problems: {count} held-out problems are asked for, the task with "
                f"these options has about {len(problems)}; lower it or widen {self.field}.options."
            )
        return list(problems.values())
