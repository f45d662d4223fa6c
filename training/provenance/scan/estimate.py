"""A share measured by a test that errs, corrected for how often it does."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
"""Of 95 %."""


@dataclass(frozen=True)
class KnownError:
    """How a test did on texts of which it is known what they are."""

    machine: int
    """Machine-written texts, and how many of them it found."""
    found: int
    human: int
    """Texts that people wrote, and how many of them it took for machine-written."""
    mistaken: int

    @property
    def sensitivity(self) -> float:
        return self.found / self.machine

    @property
    def specificity(self) -> float:
        return 1 - self.mistaken / self.human


@dataclass(frozen=True)
class Share:
    share: float
    low: float
    high: float


def corrected(flagged: int, texts: int, known: KnownError) -> Share:
    """The share after Rogan and Gladen (1978): (flagged share + specificity − 1) divided by
    (sensitivity + specificity − 1), cut to 0 … 1; its 95 % interval after Lang and Reiczigel
    (2014), which counts in that sensitivity and specificity are measured on few texts as well.

    Raises ValueError for no texts, and for a test that is no better than chance.
    """
    if not 0 <= flagged <= texts or texts == 0:
        raise ValueError(f"{flagged} of {texts} texts is no share")
    gain = known.sensitivity + known.specificity - 1
    if gain <= 0:
        raise ValueError("the test is no better than chance")
    share = _cut((flagged / texts + known.specificity - 1) / gain)
    low, high = _interval(flagged, texts, known)
    return Share(share, min(low, share), max(high, share))


def _interval(flagged: int, texts: int, known: KnownError) -> tuple[float, float]:
    """Agresti and Coull's additions: a success and a failure to each rate, z²/2 to the share."""
    number = texts + Z * Z
    seen = (flagged + Z * Z / 2) / number
    machine, human = known.machine + 2, known.human + 2
    sensitivity = (known.found + 1) / machine
    specificity = (known.human - known.mistaken + 1) / human
    gain = sensitivity + specificity - 1
    if gain <= 0:
        return 0.0, 1.0
    centre = (seen + specificity - 1) / gain
    of_machine = sensitivity * (1 - sensitivity) / machine
    of_human = specificity * (1 - specificity) / human
    shift = 2 * Z * Z * (centre * of_machine - (1 - centre) * of_human)
    variance = seen * (1 - seen) / number
    variance += centre**2 * of_machine + (1 - centre) ** 2 * of_human
    half = Z * math.sqrt(variance) / gain
    return _cut(centre + shift - half), _cut(centre + shift + half)


def _cut(share: float) -> float:
    return min(1.0, max(0.0, share))
