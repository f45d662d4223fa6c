"""How long the stages of a run take: each at its own pace, at that of another of its type, or,
where neither was seen, at a guess."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from django.db.models import Sum

from r1web.ledger import estimates
from r1web.ledger.estimates import UNSEEN, Range
from r1web.ledger.models import Booking
from r1web.ledger.reading import NO_WORK
from r1web.ledger.schemas import Basis
from r1web.metrics.selectors import Columns, read_metrics
from r1web.runs.models import Run
from r1web.runs.selectors.plans import plan_of
from training.config import Planned

STEP_S = "time/step_s"
LATELY = 200
"""So many steps tell a stage's pace."""


@dataclass(frozen=True)
class Pace:
    """How a stage goes, by its own steps and bookings."""

    stage: Planned
    step_s: list[float]
    """At least two."""
    overhead: float
    """Of evaluation and checkpoints, as a factor."""

    def seconds_for(self, steps: int) -> Range:
        return estimates.seconds_for(steps, self.step_s).of(self.overhead)


@dataclass(frozen=True)
class Part:
    """Steps of one stage, and how long they take."""

    stage: Planned
    steps: int
    seconds: Range
    pace: Pace | None
    """What that rests on; None: on a guess."""

    @property
    def basis(self) -> Basis:
        if self.pace is None:
            return "guess"
        return "own" if self.pace.stage == self.stage else "same_type"

    @property
    def why(self) -> str:
        name = self.stage.name
        if self.pace is None:
            return (
                f"A guess: steps of {name} take as long as this run's on the mean, as no stage of "
                f"its type was measured; they may be {UNSEEN} times as fast or as slow."
            )
        if self.basis == "own":
            return f"Steps of {name} take as long as its last {len(self.pace.step_s)} did."
        return (
            f"Steps of {name} take as long as the last {len(self.pace.step_s)} of "
            f"{self.pace.stage.name}, a stage of its type; it was not measured itself."
        )


class Paces:
    """Of a run's stages, read when they are asked for."""

    def __init__(self, run: Run, *, devices: int, known_steps: int) -> None:
        """`known_steps` have told how long they took."""
        self._run, self._devices, self._known_steps = run, devices, known_steps
        self._plan, self._ms = plan_of(run), _booked(run)
        self._pace = cache(self._read)

    def parts(self, after: int) -> Iterator[Part]:
        """Of all stages with steps after that one."""
        mean_s = self._mean_s()
        for stage in self._plan:
            steps = stage.last_step - max(after, stage.before)
            if steps <= 0:
                continue
            pace = self._nearest(stage)
            seconds = pace.seconds_for(steps) if pace else estimates.guessed(steps, mean_s)
            yield Part(stage, steps, seconds, pace)

    def _nearest(self, stage: Planned) -> Pace | None:
        """Its own, else that of the last stage of its type before it."""
        alike = [one for one in self._plan if one.kind == stage.kind and one.before <= stage.before]
        return next((pace for one in reversed(alike) if (pace := self._pace(one))), None)

    def _read(self, stage: Planned) -> Pace | None:
        """By its newest steps; None before there are two."""
        last = min(stage.last_step, self._run.last_step)
        first = max(stage.before + 1, last - LATELY + 1)
        if last <= first:
            return None
        values = told(self._run, first, last).values
        step_s = [float(x) for x in values if np.isfinite(x)]
        factor = estimates.overhead(self._ms.get(stage.name, {}))
        return Pace(stage, step_s, factor) if len(step_s) > 1 else None

    def _mean_s(self) -> float:
        """Of a step of the run, with evaluation and checkpoints, on as many devices as now."""
        work = sum(
            ms for of in self._ms.values() for phase, ms in of.items() if phase not in NO_WORK
        )
        return work / 1000 / self._devices / self._known_steps


def told(run: Run, first: int, last: int) -> Columns:
    """How long these steps took; each of them, if they are few."""
    found = read_metrics(
        run_id=run.pk, names=[STEP_S], from_step=first, to_step=last, max_points=LATELY
    )
    return found.series[0].columns if found.series else Columns()


def _booked(run: Run) -> Mapping[str, Mapping[str, int]]:
    """Device milliseconds by stage and phase."""
    rows = Booking.objects.filter(run=run).values("stage", "phase").annotate(ms=Sum("device_ms"))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows.order_by():
        found[row["stage"]][row["phase"]] = row["ms"]
    return found
