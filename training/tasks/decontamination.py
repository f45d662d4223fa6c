"""Training problems that have words in common with evaluation ones, by n-grams as in the R1 paper.

The paper (Nature 2025, Methods) leaves out what shares ten words in a row with an evaluation's
question or reference solution, and says that paraphrases are not found so. What a word is it does
not say: here `training.words.terms`, in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from training.words import terms

if TYPE_CHECKING:
    from training.tasks.problem import Problem

FILE = "decontamination.json"
"""In the run's directory: what was left out."""
EXAMPLES = 1000
"""How much of it is told one by one."""


class Match(NamedTuple):
    """A training problem that is left out."""

    problem: str
    """Its `id`."""
    like: str
    """The `id` of the evaluation problem."""
    words: str
    """What both have."""


@dataclass
class LeftOut:
    """What a task leaves out."""

    problems: int = 0
    """How many training problems were looked at."""
    count: int = 0
    examples: list[Match] = field(default_factory=list)

    def add(self, match: Match) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(match)

    def join(self, other: LeftOut) -> None:
        self.problems += other.problems
        self.count += other.count
        self.examples = (self.examples + other.examples)[:EXAMPLES]

    def told(self, ngram: int) -> str:
        """In a sentence, for people."""
        if not self.count:
            return (
                f"None of {self.problems} training problems has {ngram} words in a row in common "
                "with an evaluation's."
            )
        first = self.examples[0]
        return (
            f"{self.count} of {self.problems} training problems have {ngram} words in a row in "
            f"common with an evaluation's and are left out, for example {first.problem} with "
            f"{first.like}: “{first.words}”. All: {FILE}."
        )

    def as_json(self, ngram: int) -> dict[str, Any]:
        examples = [match._asdict() for match in self.examples]
        counts = {"ngram": ngram, "problems": self.problems, "left_out": self.count}
        return {**counts, "examples": examples}


class Evaluated:
    """Finds what has `ngram` words in a row in common with problems of evaluations.

    A question of fewer words counts as a whole. Hashes of 64 bits are kept, not words.
    """

    def __init__(self, problems: Iterable[Problem], ngram: int) -> None:
        self.ngram = ngram
        self._problems: list[str] = []
        self._found_in: dict[int, int] = {}
        for place, problem in enumerate(problems):
            self._problems.append(problem.id)
            for words in self._grams(problem):
                self._found_in.setdefault(hash(words), place)

    def match(self, problem: Problem) -> Match | None:
        """The first words in common; None without any."""
        for words in self._grams(problem):
            place = self._found_in.get(hash(words))
            if place is not None:
                return Match(problem.id, self._problems[place], " ".join(words))
        return None

    def _grams(self, problem: Problem) -> Iterator[Sequence[str]]:
        question, answer = terms(problem.question.lower()), terms(problem.answer.lower())
        if 0 < len(question) < self.ngram:
            yield tuple(question)
        for words in (question, answer):
            for end in range(self.ngram, len(words) + 1):
                yield tuple(words[end - self.ngram : end])
