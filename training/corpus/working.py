"""Sums and differences worked column by column, as one writes them on paper.

A `Hand` does the single steps. A careful one never errs; a hasty one now and then misreckons a
column or forgets what it carried, and goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Hand:
    rng: Random
    slip_rate: float
    """Probability that a column goes wrong."""

    def reckon(self, value: int) -> int:
        """`value`, or a near miss of it."""
        if self.rng.random() >= self.slip_rate:
            return value
        return max(0, value + self.rng.choice((-2, -1, -1, 1, 1, 2)))


@dataclass(frozen=True)
class Worked:
    steps: list[str]
    result: int


def work(terms: list[int], operators: list[str], hand: Hand) -> Worked:
    """Work `terms[0] operators[0] terms[1] …` from left to right; all terms are ≥ 0."""
    steps: list[str] = []
    result = terms[0]
    for operator, term in zip(operators, terms[1:], strict=True):
        worked = _combine(result, operator, term, hand)
        if len(terms) > 2:
            steps.append(f"{result} {operator} {term}:")
        steps += worked.steps
        result = worked.result
    return Worked(steps, result)


def _combine(left: int, operator: str, right: int, hand: Hand) -> Worked:
    """One operation; signs are settled first, so that the columns only see numbers ≥ 0."""
    if left < 0:
        flipped = _combine(-left, "-" if operator == "+" else "+", right, hand)
        return Worked(flipped.steps, -flipped.result)
    if operator == "+":
        return _add(left, right, hand)
    if left >= right:
        return _subtract(left, right, hand)
    turned = _subtract(right, left, hand)
    return Worked([f"{left} < {right}, so minus {right} - {left}.", *turned.steps], -turned.result)


def _add(left: int, right: int, hand: Hand) -> Worked:
    steps: list[str] = []
    digits: list[int] = []
    carry = 0
    columns = _columns(left, right)
    for place, (a, b) in enumerate(columns):
        total = hand.reckon(a + b + carry)
        sum_text = f"{a} + {b}{' + 1' if carry else ''} = {total}"
        if place == len(columns) - 1:
            steps.append(f"{sum_text}.")
            digits.append(total)
            break
        carry = int(total >= 10)
        digits.append(total % 10)
        steps.append(f"{sum_text}, write {total % 10}{' carry 1' if carry else ''}.")
    return Worked(steps, _value(digits))


def _subtract(left: int, right: int, hand: Hand) -> Worked:
    """`left` ≥ `right`."""
    steps: list[str] = []
    digits: list[int] = []
    borrow = 0
    columns = _columns(left, right)
    for place, (a, b) in enumerate(columns):
        last = place == len(columns) - 1
        lent = 0 if last or a >= b + borrow else 1
        top = a + 10 * lent
        rest = hand.reckon(top - b - borrow)
        text = f"{top} - {b}{' - 1' if borrow else ''} = {rest}"
        digits.append(rest if last else rest % 10)
        steps.append(text + ("." if last else f", write {rest % 10}{' borrow 1' * lent}."))
        borrow = lent
    return Worked(steps, _value(digits))


def _columns(left: int, right: int) -> list[tuple[int, int]]:
    """Digits of both numbers, ones first, the shorter one filled up with 0."""
    width = len(str(max(left, right)))
    return [
        (int(a), int(b))
        for a, b in zip(reversed(f"{left:0{width}}"), reversed(f"{right:0{width}}"), strict=True)
    ]


def _value(digits: list[int]) -> int:
    return sum(digit * 10**place for place, digit in enumerate(digits))
