"""When a rule holds: pure functions of its newest points. docs/alerts.md tells the same in words.

A condition answers True (it holds), False (it has cleared) or None: neither, and whatever was the
case before stays. Between the two lies a band in which a value may go to and fro without a new
alert each time.
"""

import math
from collections.abc import Callable, Sequence
from statistics import linear_regression
from typing import NamedTuple

from r1web.alerts.models import Direction, Rule, RuleKind


class Point(NamedTuple):
    """One value; `seq` is the number of the journal's line that told it."""

    step: int
    value: float
    seq: int


def with_point(recent: Sequence[Point], point: Point, keep: int) -> list[Point]:
    """`recent` and the new point, at most `keep`; later steps were superseded by a resumed run."""
    return [*(old for old in recent if old.step < point.step), point][-keep:]


def holds(rule: Rule, recent: Sequence[Point]) -> bool | None:
    """Whether the rule's condition holds after its newest points."""
    points = rule.points or 1
    if len(recent) < points:
        return None
    newest = recent[-points:]
    if rule.kind == RuleKind.SLOPE:
        return _sloped(rule, newest)
    bad = _is_bad(rule)
    if all(bad(point.value) for point in newest):
        return True
    fine = (not bad(point.value) and not math.isnan(point.value) for point in newest)
    return False if all(fine) else None


def slope(points: Sequence[Point]) -> float:
    """Least-squares slope, in units a step; values of any size, all of them finite."""
    scale = max(abs(point.value) for point in points) or 1.0
    first = points[0].step
    line = linear_regression(
        [point.step - first for point in points], [point.value / scale for point in points]
    )
    return line.slope * scale


def _sloped(rule: Rule, points: Sequence[Point]) -> bool | None:
    if not all(math.isfinite(point.value) for point in points):
        return None
    return _beyond(rule)(slope(points))


def _is_bad(rule: Rule) -> Callable[[float], bool]:
    if rule.kind == RuleKind.NONFINITE:
        return lambda value: not math.isfinite(value)
    return _beyond(rule)


def _beyond(rule: Rule) -> Callable[[float], bool]:
    limit = 0.0 if rule.limit is None else rule.limit
    if rule.direction == Direction.ABOVE:
        return lambda value: value > limit
    return lambda value: value < limit
