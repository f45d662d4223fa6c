"""What the reasoning-gym package gets wrong, found by trying all 105 tasks.

Some scorers give their full score to nonsense: what stands in CHECKS has to hold as well. Some
generators go through sets of texts, whose order differs from one Python process to the next, so
that problem i of a seed would not be the same for ever: IN_ORDER gives them an order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from fractions import Fraction
from io import StringIO
from typing import Any

_NUMBER = re.compile(r"\s*([-+]?[\d,]{0,30}(?:\.\d{0,30})?(?:e[-+]?\d{1,3})?)(?:/(\d{1,30}))?\s*")


def near_the_number(answer: str, reference: str) -> bool:
    """coin_flip takes 0 for 0.375, as the first digits agree, and computes 1e999999999 for ever."""
    given, wanted = _number(answer), _number(reference)
    return given is not None and wanted is not None and abs(given - wanted) <= abs(wanted) / 100


def says_the_word(answer: str, reference: str) -> bool:
    """game_of_life_halting takes any text at all."""
    return answer.strip(" .\n").casefold() == reference.casefold()


CHECKS: dict[str, Callable[[str, str], bool]] = {
    "coin_flip": near_the_number,
    "game_of_life_halting": says_the_word,
}
"""By task: whether answer and reference agree."""


class Ordered(set[str]):
    """A set that is gone through in alphabetical order, and so is what is left of it."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__()))

    def __sub__(self, other: Any) -> Ordered:
        return Ordered(super().__sub__(other))


def order_letters(dataset: Any) -> None:
    dataset.letters = Ordered(dataset.letters)


def order_neighbours(dataset: Any) -> None:
    neighbours = dataset._get_neighbors  # noqa: SLF001 - there is no other way in
    dataset._get_neighbors = lambda *given: sorted(neighbours(*given))  # noqa: SLF001


def order_monomials(dataset: Any) -> None:
    monomials = dataset._get_monomials  # noqa: SLF001 - there is no other way in
    dataset._get_monomials = lambda *given: sorted(monomials(*given), key=str)  # noqa: SLF001


@contextmanager
def alone(number: int) -> Iterator[None]:
    """For codeio, which runs programs of the package: some print, some draw from the generators
    that all of Python shares."""
    import numpy as np  # noqa: PLC0415 - only who has such programs waits for it

    shared, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is what they draw from
    random.seed(number)
    np.random.seed(number % 2**32)  # noqa: NPY002 - it is what they draw from
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        random.setstate(shared)
        np.random.set_state(numpys)  # noqa: NPY002 - it is what they draw from


IN_ORDER: dict[str, Callable[[Any], None]] = {
    "isomorphic_strings": order_letters,
    "polynomial_multiplication": order_monomials,
    "ransom_note": order_letters,
    "word_ladder": order_neighbours,
}
"""By task: what makes a new dataset draw alike in every process."""


def _number(text: str) -> Fraction | None:
    found = _NUMBER.fullmatch(text)
    below = int(found[2] or 1) if found else 0
    if found is None or below == 0 or not any(map(str.isdecimal, found[1])):
        return None
    return Fraction(found[1].replace(",", "")) / below
