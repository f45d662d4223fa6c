"""Who wrote the corpus: authors who differ in care and in how they mind the form.

Each turns a sum into a completion, the text after `Assistant:`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from training.corpus.working import Hand, Worked, work


@dataclass(frozen=True)
class Sum:
    terms: list[int]
    operators: list[str]

    @property
    def text(self) -> str:
        rest = zip(self.operators, self.terms[1:], strict=True)
        return " ".join([str(self.terms[0]), *(f"{sign} {term}" for sign, term in rest)])

    @property
    def result(self) -> int:
        signed = zip(self.operators, self.terms[1:], strict=True)
        return self.terms[0] + sum(term if sign == "+" else -term for sign, term in signed)


Author = Callable[[Sum, Random], str]


def careful(problem: Sum, rng: Random) -> str:
    """Right at every step, in the form that was asked for."""
    return _well_formed(work(problem.terms, problem.operators, Hand(rng, 0.0)))


def hasty(problem: Sum, rng: Random) -> str:
    """The same way of working, but many a column goes wrong."""
    return _well_formed(work(problem.terms, problem.operators, Hand(rng, 0.4)))


def guesser(problem: Sum, rng: Random) -> str:
    """No working: rounds, and says something near."""
    rounded = [str(round(term, -1)) for term in problem.terms]
    rest = zip(problem.operators, rounded[1:], strict=True)
    near = problem.result + rng.choice((-10, -3, -2, -1, 0, 1, 2, 3, 10))
    about = " ".join([rounded[0], *(f"{sign} {term}" for sign, term in rest)])
    return f"<think>about {about}.</think><answer>{near}</answer>"


def sloppy(problem: Sum, rng: Random) -> str:
    """Works like the hasty one and does not mind the form."""
    worked = work(problem.terms, problem.operators, Hand(rng, 0.25))
    steps = " ".join(worked.steps)
    forms = (
        f"<think>{steps}<answer>{worked.result}</answer>",
        f"<think>{steps}</think>{worked.result}",
        f"{steps}<answer>{worked.result}</answer>",
        f"<think>{steps}</think><answer>{worked.result}",
        f"<think>{steps}</think><answer>{worked.result}</answer> So {worked.result}.",
        f"{steps} So {worked.result}.",
    )
    return rng.choice(forms)


def _well_formed(worked: Worked) -> str:
    return f"<think>{' '.join(worked.steps)}</think><answer>{worked.result}</answer>"


UNRELIABLE: dict[Author, float] = {hasty: 0.55, guesser: 0.15, sloppy: 0.3}
"""The authors who share what the careful one leaves over, with their weights."""
