"""What a task asks, and which of its questions are kept for evaluation."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from training.tasks.decontamination import Evaluated, LeftOut

HELD_OUT_SHARE = 1 / 16


Comparison = Literal["text", "verifier", "none"]
"""By their normal form; or also by the verifier, asked with one of them as the reference; or not
at all, as of programs."""


class TaskError(ValueError):
    """A task cannot be built or cannot give what is asked; the message names the config field."""


@dataclass(frozen=True)
class Problem:
    question: str
    answer: str
    """What the verifier expects; "" where it takes many answers and names none."""
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The generator's own record, which its verifier reads."""
    id: str = ""
    """The same for the same problem in every run: a digest of the question, or file and line."""
    task: str = ""
    """Name of the task it is of: in a mixture, of the part."""
    level: int | None = None
    """The curriculum's level that it was drawn at; None without one."""
    rated: float | None = None
    """How hard its source says that it is; None where it does not."""

    @property
    def difficulty(self) -> float | None:
        return self.rated if self.level is None else float(self.level)


class Measured(NamedTuple):
    """How a problem went: plain data, so that every rank can be told of it."""

    task: str
    id: str
    level: int | None
    pass_rate: float
    """Share of its completions that were right, 0 to 1."""

    @classmethod
    def of(cls, problem: Problem, pass_rate: float) -> Measured:
        return cls(problem.task, problem.id, problem.level, pass_rate)


class Task(ABC):
    """An endless supply of problems, and their verifier.

    A task may have a curriculum: then `observe` changes its state, and with it the problems that
    follow. Most have none, and these methods do nothing.
    """

    @abstractmethod
    def training_problem(self, seed: int, index: int) -> Problem:
        """Problem number `index` of the run with that seed, never held out.

        A pure function of seed, index and `state()`: without a curriculum the same for ever.
        """

    @abstractmethod
    def held_out_problems(self, count: int) -> list[Problem]:
        """The first `count` held-out problems, all different, the same for every run.

        Raises TaskError when the task has not got so many.
        """

    def is_held_out(self, question: str) -> bool:
        """Whether a question is for evaluation only."""
        return is_held_out(question)

    def leave_out(self, evaluated: Evaluated) -> LeftOut:  # noqa: ARG002 - made problems have no source
        """Train on nothing that has words in common with evaluations.

        Of problems that are made none is left out: they have their wording in common. Raises
        TaskError when nothing is left.
        """
        return LeftOut()

    @abstractmethod
    def is_right(self, answer: str, problem: Problem) -> bool:
        """Whether the verifier takes `answer` as entirely right."""

    def parsed(self, answer: str, problem: Problem) -> str | None:  # noqa: ARG002 - a mixture does
        """What the verifier reads in an answer that is not empty; None when nothing."""
        return answer

    def comparison(self, problem: Problem) -> Comparison:  # noqa: ARG002 - a mixture looks at it
        """How an evaluation finds out which answers to a problem are the same."""
        return "text"

    def observe(self, measured: Sequence[Measured]) -> None:  # noqa: B027 - not every task learns
        """Tell how a step's problems went: once a step, on every rank the same, in one order."""

    def state(self) -> dict[str, Any]:
        """What `observe` has changed, as plain JSON; a checkpoint keeps it."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:  # noqa: B027 - likewise
        """Go back to a `state()` of a task of the same config."""

    def metrics(self) -> dict[str, float]:
        """Where the curriculum stands after the last `observe`, by the names of docs/tasks.md."""
        return {}


def is_held_out(question: str) -> bool:
    """Whether a question is for evaluation only.

    Its SHA-256 decides, so training, evaluation and the pretraining corpus keep apart without
    having to share a list, whatever the seeds and however many problems are evaluated.
    """
    digest = hashlib.sha256(question.encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


def rated(record: Mapping[str, Any]) -> float | None:
    """What a record says under `difficulty`, or else `level`: a number, or the one that is in it,
    as in MATH's “Level 5”."""
    for name in ("difficulty", "level"):
        said = record.get(name)
        found = re.fullmatch(r"\D*?(-?\d+(?:\.\d+)?)\D*", str(said))
        if found and isinstance(said, str | int | float):
            return float(found[1])
    return None


def digest_of(text: str) -> str:
    """A short name that follows from the text alone."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def number_of(name: str) -> int:
    """A number below 2⁶⁴ that follows from a name: seeds whose neighbours are strangers."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
