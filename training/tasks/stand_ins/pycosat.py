"""All solutions of a formula in conjunctive normal form, as pycosat gives them.

Davis-Putnam-Logemann-Loveland: set what one clause leaves no choice for, then try both values of a
variable of the shortest clause left. Enough for puzzles of some hundred variables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

Clause = tuple[int, ...]
"""Literals, of which one has to hold: a variable's number, negative where it must be false."""


def itersolve(clauses: Iterable[Iterable[int]]) -> Iterator[list[int]]:
    """Every assignment that satisfies all clauses: the literals that hold, by variable."""
    formula = [tuple(dict.fromkeys(clause)) for clause in clauses]
    if all(formula):
        yield from _Search(formula).solutions()


class _Search:
    def __init__(self, formula: list[Clause]) -> None:
        self._formula = formula
        self._variables = sorted({abs(literal) for clause in formula for literal in clause})
        self._with = defaultdict(list)
        for clause in formula:
            for literal in clause:
                self._with[literal].append(clause)
        self._holds: set[int] = set()
        self._order: list[int] = []

    def solutions(self) -> Iterator[list[int]]:
        units = [clause[0] for clause in self._formula if len(clause) == 1]
        if self._set(units):
            yield from self._complete()

    def _complete(self) -> Iterator[list[int]]:
        """Every solution that agrees with what is set."""
        choice = self._open_literal()
        if choice is None:
            yield [number if number in self._holds else -number for number in self._variables]
            return
        mark = len(self._order)
        for literal in (choice, -choice):
            if self._set([literal]):
                yield from self._complete()
            while len(self._order) > mark:
                self._holds.remove(self._order.pop())

    def _open_literal(self) -> int | None:
        """A literal that is not set yet: of the shortest clause that does not hold, else any."""
        shortest: list[int] = []
        for clause in self._formula:
            if self._holds.isdisjoint(clause):
                free = [literal for literal in clause if -literal not in self._holds]
                if not shortest or len(free) < len(shortest):
                    shortest = free
        if shortest:
            return shortest[0]
        set_ = self._holds
        return next((v for v in self._variables if v not in set_ and -v not in set_), None)

    def _set(self, literals: list[int]) -> bool:
        """Make them hold, and what follows; whether that contradicts nothing."""
        todo = list(literals)
        while todo:
            literal = todo.pop()
            if -literal in self._holds:
                return False
            if literal in self._holds:
                continue
            self._holds.add(literal)
            self._order.append(literal)
            for clause in self._with[-literal]:
                if self._holds.isdisjoint(clause):
                    free = [other for other in clause if -other not in self._holds]
                    if not free:
                        return False
                    if len(free) == 1:
                        todo.append(free[0])
        return True
