"""Which numbers of a run that was done again agree with those of its bundle."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r1web.reports.bundle import Numbers, Tolerances

REWARD, SPREAD = "reward/mean", "reward/std"
TENTHS = 10


@dataclass(frozen=True)
class Compared:
    """One series, or one number of it; the values are those that differ most."""

    name: str
    steps: str
    told: float
    again: float
    within: str
    agrees: bool


def by_point(told: Numbers, again: Numbers, upto: int, allowed: Tolerances) -> list[Compared]:
    """Each point of each series, a row a series: for the same versions on the same device."""
    return [
        _series(name, {step: value for step, value in told[name].items() if step <= upto},
                again.get(name, {}), allowed)
        for name in sorted(told)
        if not name.startswith(allowed.left_out) and any(step <= upto for step in told[name])
    ]  # fmt: skip


def by_interval(told: Numbers, again: Numbers, upto: int, allowed: Tolerances) -> list[Compared]:
    """Last scores and the course of the reward: for other machines."""
    return [*_scores(told, again, upto), *_rewards(told, again, upto, allowed)]


def _series(
    name: str, told: dict[int, float], again: dict[int, float], allowed: Tolerances
) -> Compared:
    wrong = [
        step for step, value in told.items()
        if not _close(value, again.get(step), allowed)
    ]  # fmt: skip
    shown = min(wrong, default=max(told))
    steps = f"{len(told)} points"
    if wrong:
        steps = f"{len(wrong)} of {steps} differ, first at step {shown}"
    within = f"{allowed.absolute:g} + {allowed.relative:g} × value"
    value = again.get(shown, math.nan)
    return Compared(name, steps, told[shown], value, within, not wrong)


def _close(told: float, again: float | None, allowed: Tolerances) -> bool:
    if again is None:
        return False
    if math.isnan(told) or math.isnan(again):
        return math.isnan(told) and math.isnan(again)
    return math.isclose(told, again, rel_tol=allowed.relative, abs_tol=allowed.absolute)


def _scores(told: Numbers, again: Numbers, upto: int) -> Iterator[Compared]:
    """Those with an interval, at the last step that both have."""
    for name in sorted(told):
        bounds = (f"{name}_low", f"{name}_high")
        if not all(bound in told for bound in bounds):
            continue
        common = [step for step in told[name] if step <= upto and step in again.get(name, {})]
        if not common:
            yield Compared(name, "no step in common", math.nan, math.nan, "", agrees=False)
            continue
        step = max(common)
        halves = [(of[bounds[1]][step] - of[bounds[0]][step]) / 2 for of in (told, again)]
        width = math.hypot(*halves)
        one, other = told[name][step], again[name][step]
        agrees = abs(one - other) <= width
        yield Compared(name, f"step {step}", one, other, f"{width:.4f}", agrees)


def _rewards(told: Numbers, again: Numbers, upto: int, allowed: Tolerances) -> Iterator[Compared]:
    steps = sorted(step for step in told.get(REWARD, {}) if step <= upto)
    size = max(1, math.ceil(len(steps) / TENTHS))
    for begin in range(0, len(steps), size):
        part = steps[begin : begin + size]
        one, other, spread = (
            _mean(of.get(name, {}), part)
            for of, name in ((told, REWARD), (again, REWARD), (told, SPREAD))
        )
        width = allowed.reward_band * spread
        where = f"steps {part[0]} to {part[-1]}"
        agrees = abs(one - other) <= width
        yield Compared(REWARD, where, one, other, f"{width:.4f}", agrees)


def _mean(of: dict[int, float], steps: Sequence[int]) -> float:
    """NaN, which agrees with nothing, where a step is missing."""
    return sum(of.get(step, math.nan) for step in steps) / len(steps)
