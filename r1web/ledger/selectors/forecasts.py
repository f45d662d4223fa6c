"""What a run still takes, and what it would take on other devices."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from django.db.models import Sum
from django.utils import timezone

from r1web.errors import InvalidError
from r1web.ledger import estimates
from r1web.ledger.estimates import SCALING, Range
from r1web.ledger.hardware import card
from r1web.ledger.models import Booking
from r1web.ledger.schemas import ForecastOut, RangeOut, WhatIfIn, WhatIfOut
from r1web.ledger.selectors.pricing import HOUR_MS, MICRO, price_on, priced, sums
from r1web.metrics.selectors import read_metrics
from r1web.runs.models import Run

STEP_S = "time/step_s"
LATELY = 200
"""So many steps tell a run's speed."""
TOO_FEW = "The run has told the time of fewer than two steps, so nothing can be said yet."
HOUR_S = 3600


@dataclass(frozen=True)
class Pace:
    """How a run goes, by its own steps and bookings."""

    step_s: list[float]
    ms: dict[str, int]
    """Device milliseconds by phase."""
    device_model: str
    devices: int
    currency: str
    per_hour: float
    """Of one device, in micro-units: what the last attempt's devices cost on the mean."""

    def seconds_for(self, steps: int) -> Range:
        return estimates.seconds_for(steps, self.step_s).of(estimates.overhead(self.ms))


def forecast(run: Run) -> ForecastOut:
    """Of its remaining steps, at its own speed on its own devices."""
    remaining = max(0, run.total_steps - run.last_step)
    pace = _pace(run)
    if pace is None:
        return ForecastOut(steps=remaining, known_steps=0, reason=TOO_FEW)
    seconds = pace.seconds_for(remaining)
    hours = seconds.of(pace.devices / HOUR_S)
    return ForecastOut(
        steps=remaining,
        known_steps=len(pace.step_s),
        seconds=_out(seconds),
        device_hours=_out(hours),
        currency=pace.currency,
        micros=_out(hours.of(pace.per_hour)),
        assumptions=[_by_own_steps(pace)],
    )


def what_if(run: Run, wanted: WhatIfIn) -> WhatIfOut:
    """All its steps on other devices. Raises InvalidError."""
    pace = _pace(run)
    if pace is None:
        raise InvalidError(TOO_FEW, path="run")
    per_hour, currency = _price(wanted)
    devices, why = _on_devices(pace, wanted)
    count = estimates.on_so_many(wanted.devices, pace.devices)
    seconds = pace.seconds_for(run.total_steps).times(devices).times(count)
    hours = seconds.of(wanted.devices / HOUR_S)
    return WhatIfOut(
        steps=run.total_steps,
        known_steps=len(pace.step_s),
        seconds=_out(seconds),
        device_hours=_out(hours),
        currency=currency,
        micros=_out(hours.of(float(per_hour * MICRO))),
        assumptions=[_by_own_steps(pace), why, _by_count(pace, wanted.devices)],
    )


def _pace(run: Run) -> Pace | None:
    """None before there are two steps on booked devices."""
    found = read_metrics(
        run_id=run.pk,
        names=[STEP_S],
        from_step=max(0, run.last_step - LATELY + 1),
        max_points=2 * LATELY,
    )
    values = [x for series in found.series for x in series.columns.values if np.isfinite(x)]
    attempt = run.attempts.filter(bookings__device_ms__gt=0).order_by("-number").first()
    if len(values) < 2 or attempt is None:
        return None
    mine = Booking.objects.filter(attempt=attempt)
    model = mine.values("device_model").annotate(ms=Sum("device_ms")).order_by("-ms")[0]
    cost = priced(mine).values("currency").annotate(**sums()).order_by("-micros", "-ms")[0]
    phases = Booking.objects.filter(run=run).values("phase").annotate(ms=Sum("device_ms"))
    return Pace(
        step_s=[float(x) for x in values],
        ms={row["phase"]: row["ms"] for row in phases.order_by()},
        device_model=model["device_model"],
        devices=attempt.leases.count(),
        currency=cost["currency"],
        per_hour=cost["micros"] * HOUR_MS / cost["ms"],
    )


def _price(wanted: WhatIfIn) -> tuple[Decimal, str]:
    if wanted.per_hour is not None:
        return wanted.per_hour, wanted.currency
    price = price_on(wanted.device_model, timezone.now().date())
    if price is None:
        raise InvalidError(
            f"The price book has no price for “{wanted.device_model}”: give one.", path="per_hour"
        )
    return price.per_hour, price.currency


def _on_devices(pace: Pace, wanted: WhatIfIn) -> tuple[Range, str]:
    own, other = card(pace.device_model), card(wanted.device_model)
    if wanted.relative_speed is not None:
        factor = 1 / wanted.relative_speed
        why = f"A {wanted.device_model} is {wanted.relative_speed:g} times as fast, as you say."
        return Range(factor, factor, factor), why
    if wanted.device_model == pace.device_model:
        return Range(1, 1, 1), f"On {pace.device_model}, as it runs."
    if own is None or other is None:
        unknown = pace.device_model if own is None else wanted.device_model
        raise InvalidError(
            f"How fast a “{unknown}” is, is not known here: say how many times as fast the other "
            "device is.",
            path="relative_speed",
        )
    why = (
        f"Sampling and evaluation go by memory bandwidth ({own.gb_per_s:g} → {other.gb_per_s:g} "
        f"GB/s), training by dense bf16 operations ({own.tflops:g} → {other.tflops:g} TFLOP/s), in "
        "the parts that the run has booked; rewards and checkpoints take as long as they do. The "
        f"bounds: all of it by the one or by the other. Sources: {own.source}; {other.source}."
    )
    return estimates.on_other_devices(pace.ms, own, other), why


def _by_own_steps(pace: Pace) -> str:
    return (
        f"Steps take as long as the last {len(pace.step_s)} did; the interval is of 95 %, if their "
        "times are independent. Evaluation and checkpoints add what they added so far, a factor of "
        f"{estimates.overhead(pace.ms):.3g}. Starting, waiting and crashes are not in it."
    )


def _by_count(pace: Pace, devices: int) -> str:
    least, middle, most = SCALING
    return (
        f"On {devices} devices instead of {pace.devices} time is divided by their ratio to the "
        f"power of {middle:g}; the bounds are {least:g} and {most:g}. Whether the model fits their "
        "memory is not asked."
    )


def _out(found: Range) -> RangeOut:
    return RangeOut(low=found.low, mid=found.mid, high=found.high)
