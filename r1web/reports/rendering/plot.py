"""Where a curve's points lie in a picture, for whoever draws it. y grows downwards."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r1web.reports.document import Curve
from r1web.reports.numbers import number

Point = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    lines: list[list[Point]]
    """Broken where a value is not finite."""
    band: list[Point]
    """An outline; empty without one."""
    ticks_y: list[tuple[float, str]]
    ticks_x: list[tuple[float, str]]


def plot(curve: Curve, width: float, height: float) -> Plot:
    """A picture of the curve's area, `width` by `height`, without room for labels."""
    finite = [value for value in (*curve.values, *curve.low, *curve.high) if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    ticks = round_ticks(low, high)
    bottom, top = min(low, ticks[0]), max(high, ticks[-1])
    first, last = (min(curve.steps), max(curve.steps)) if curve.steps else (0, 1)
    across = (last - first) or 1

    def place(step: float, value: float) -> Point:
        return (step - first) / across * width, (top - value) / ((top - bottom) or 1) * height

    there = [step for step in round_ticks(first, last) if first <= step <= last]
    return Plot(
        lines=[
            [place(*point) for point in piece] for piece in _pieces(curve.steps, curve.values)
        ],
        band=_band([place(*p) for p in _known(curve.steps, curve.low)],
                   [place(*p) for p in _known(curve.steps, curve.high)]),
        ticks_y=[(place(first, tick)[1], number(tick)) for tick in ticks],
        ticks_x=[(place(tick, bottom)[0], number(tick)) for tick in there if tick == int(tick)],
    )  # fmt: skip


def round_ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers from at most `low` to at least `high`."""
    span = (high - low) or abs(high) or 1.0
    unit = 10 ** math.floor(math.log10(span / 4))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= 4)
    begin, end = math.floor(low / step), math.ceil(high / step)
    return [place * step for place in range(begin, max(end, begin + 1) + 1)]


def _pieces(steps: Sequence[float], values: Sequence[float]) -> Iterator[list[Point]]:
    piece: list[Point] = []
    for step, value in zip(steps, values, strict=True):
        if math.isfinite(value):
            piece.append((step, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _known(steps: Sequence[float], values: Sequence[float]) -> list[Point]:
    pairs = zip(steps, values, strict=False)  # a curve without a band has no values
    return [(step, value) for step, value in pairs if math.isfinite(value)]


def _band(low: list[Point], high: list[Point]) -> list[Point]:
    return [*high, *reversed(low)] if low and high else []
