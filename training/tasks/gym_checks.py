"""Where a scorer of the package gives its full score to answers that are wrong.

Found by giving all 105 scorers nonsense. What stands here has to hold beside the package's score.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

_NUMBER = re.compile(r"\s*([-+]?[\d,]{0,30}(?:\.\d{0,30})?)(?:/(\d{1,30}))?\s*")


def near_the_number(answer: str, reference: str) -> bool:
    """coin_flip takes 0 for 0.375, as the first digits agree, and computes 1e999999999 for ever."""
    given, wanted = _number(answer), _number(reference)
    return given is not None and wanted is not None and abs(given - wanted) <= Fraction(1, 10_000)


def says_the_word(answer: str, reference: str) -> bool:
    """game_of_life_halting takes any text at all."""
    return answer.strip(" .\n").casefold() == reference.casefold()


CHECKS: dict[str, Callable[[str, str], bool]] = {
    "coin_flip": near_the_number,
    "game_of_life_halting": says_the_word,
}
"""By task: whether answer and reference agree."""


def _number(text: str) -> Fraction | None:
    found = _NUMBER.fullmatch(text)
    below = int(found[2] or 1) if found else 0
    if found is None or below == 0 or not any(map(str.isdecimal, found[1])):
        return None
    return Fraction(found[1].replace(",", "")) / below
