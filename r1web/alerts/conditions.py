"""When a rule holds: pure functions of its newest points. docs/alerts.md tells the same in words.

A condition answers True (it holds), False (it has cleared) or None: neither, and whatever was the
case before stays. Between the two lies a band in which a value may go to and fro without a new
alert each time.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from r1web.alerts.models import Direction, Rule, RuleKind

Floats = NDArray[np.float64]


class Point(NamedTuple):
    """One value; `seq` is the number of the journal's line that told it."""

    step: int
    value: float
    seq: int


def with_point(recent: Sequence[Point], point: Point, keep: int) -> list[Point]:
    """`recent` and the new point, at most `keep`; later steps were superseded by a resumed run."""
    kept = recent
    if recent and recent[-1].step >= point.step:
        kept = [old for old in recent if old.step < point.step]
    return [*kept[max(0, len(kept) + 1 - keep) :], point]


def holds(rule: Rule, recent: Sequence[Point]) -> bool | None:
    """Whether the rule's condition holds after its newest points."""
    if begins(rule, recent):
        return True
    points = rule.points or 1
    if len(recent) < points:
        return None
    newest = recent[-points:]
    if rule.kind == RuleKind.SLOPE:
        return _sloped(rule, newest)
    bad = _is_bad(rule)
    fine = (not bad(point.value) and not math.isnan(point.value) for point in newest)
    return False if all(fine) else None


def begins(rule: Rule, recent: Sequence[Point]) -> bool:
    """Whether the condition holds; all that matters while it has not held before."""
    points = rule.points or 1
    if len(recent) < points:
        return False
    if rule.kind == RuleKind.SLOPE:
        return _sloped(rule, recent[-points:]) is True
    bad = _is_bad(rule)  # of the newest one first, which mostly settles it
    return all(bad(point.value) for point in reversed(recent[-points:]))


def may_begin(rule: Rule, steps: Floats, values: Floats) -> bool:
    """Whether `begins` may be true after any of these points [n], all of one attempt; in doubt it
    may.

    For many points at once, of which hardly any is ever bad.
    """
    count = rule.points or 1
    if rule.kind != RuleKind.SLOPE:
        return _in_a_row(_bad(rule, values), count)
    if len(values) < count:
        return False
    return bool(_past(rule, _slopes(steps, values, count), margin=1e-9).any())


def may_end(rule: Rule, values: Floats) -> bool:
    """Whether `holds` may be False after any of these values [n]; in doubt it may."""
    if rule.kind == RuleKind.SLOPE:
        return True
    return _in_a_row(~_bad(rule, values) & ~np.isnan(values), rule.points or 1)


def _bad(rule: Rule, values: Floats) -> NDArray[np.bool_]:
    return ~np.isfinite(values) if rule.kind == RuleKind.NONFINITE else _past(rule, values)


def _in_a_row(flags: NDArray[np.bool_], count: int) -> bool:
    """Whether so many of them are set one after the other."""
    return len(flags) >= count and bool(sliding_window_view(flags, count).all(axis=1).any())


def _slopes(steps: Floats, values: Floats, count: int) -> Floats:
    """Of each `count` points in a row, NaN where one of them is not finite."""
    finite = np.where(np.isfinite(values), values, np.nan)
    scale = np.nanmax(np.abs(finite), initial=0.0) or 1.0
    windows = sliding_window_view(finite / scale, count)
    apart = sliding_window_view(steps, count)
    apart = apart - apart.mean(axis=1, keepdims=True)
    found: Floats = (apart * windows).sum(axis=1) / (apart * apart).sum(axis=1) * scale
    return found


def _past(rule: Rule, values: Floats, margin: float = 0.0) -> NDArray[np.bool_]:
    """Which are beyond the rule's limit, or nearly."""
    limit = 0.0 if rule.limit is None else rule.limit
    slack = margin * max(1.0, abs(limit))
    past: NDArray[np.bool_] = values > limit - slack
    if rule.direction != Direction.ABOVE:
        past = values < limit + slack
    return past


def slope(points: Sequence[Point]) -> float:
    """Least-squares slope, in units a step; values of any size, all of them finite."""
    values = np.array([point.value for point in points])
    scale = np.abs(values).max() or 1.0
    first = points[0].step
    steps = np.array([point.step - first for point in points], np.float64)
    steps -= steps.mean()
    return float(steps @ (values / scale) / (steps @ steps) * scale)


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
