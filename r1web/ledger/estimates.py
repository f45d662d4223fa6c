"""How long a run takes and would take elsewhere: arithmetic alone, with its error bars."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from r1web.ledger.hardware import Card
from r1web.ledger.models import Phase

Z = 1.96
"""Of the normal distribution: 95 % lie within so many standard deviations."""
SCALING = (0.7, 0.85, 1.0)
"""Time is divided by the ratio of devices to this power: at worst, on the whole, and if nothing
were lost by sharing out."""
UNSEEN = 25
"""How many times slower or faster than on the mean a stage may go that nobody has seen: those of
one run have differed by 23 (docs/pipelines.md, r1-nano)."""


@dataclass(frozen=True)
class Range:
    low: float
    mid: float
    high: float

    def times(self, other: "Range") -> "Range":
        return Range(self.low * other.low, self.mid * other.mid, self.high * other.high)

    def plus(self, other: "Range") -> "Range":
        """Bounds are added, as parts may err together: the sum is rather too wide."""
        return Range(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def of(self, factor: float) -> "Range":
        return Range(self.low * factor, self.mid * factor, self.high * factor)


def seconds_for(steps: int, step_s: Sequence[float]) -> Range:
    """How long so many steps take, if they are like those (at least two): with 95 %.

    The interval has the spread of the steps themselves and that of their mean.
    """
    mean, spread = fmean(step_s), variance(step_s)
    error = Z * math.sqrt(steps * spread + steps**2 * spread / len(step_s))
    return Range(max(0.0, steps * mean - error), steps * mean, steps * mean + error)


def guessed(steps: int, mean_s: float) -> Range:
    """How long so many steps take of which only is known what others took on the mean."""
    seconds = steps * mean_s
    return Range(seconds / UNSEEN, seconds, seconds * UNSEEN)


def overhead(ms: Mapping[str, int]) -> float:
    """What evaluation and checkpoints add to the time of steps, as a factor."""
    steps = sum(ms.get(phase, 0) for phase in (Phase.SAMPLING, Phase.REWARD, Phase.TRAINING))
    beside = ms.get(Phase.EVALUATION, 0) + ms.get(Phase.CHECKPOINT, 0)
    return 1 + beside / steps if steps else 1.0


def on_other_devices(ms: Mapping[str, int], own: Card, other: Card) -> Range:
    """The factor of time: what samples goes by memory bandwidth, what trains by bf16 operations,
    and the rest does not change. The bounds: all of it by the one or by the other."""
    bandwidth, operations = own.gb_per_s / other.gb_per_s, own.tflops / other.tflops
    total = sum(time for phase, time in ms.items() if phase not in (Phase.IDLE, Phase.WASTE)) or 1
    samples = (ms.get(Phase.SAMPLING, 0) + ms.get(Phase.EVALUATION, 0)) / total
    trains = ms.get(Phase.TRAINING, 0) / total
    rest = 1 - samples - trains
    bounds = [rest + (1 - rest) * factor for factor in (bandwidth, operations)]
    return Range(min(bounds), samples * bandwidth + trains * operations + rest, max(bounds))


def on_so_many(devices: int, own: int) -> Range:
    """The factor of time."""
    factors = sorted((own / devices) ** power for power in SCALING)
    return Range(*factors)
