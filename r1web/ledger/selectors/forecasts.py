"""What a run still takes, and what it would take on other devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from django.db.models import Sum
from django.utils import timezone

from r1web.errors import InvalidError
from r1web.ledger import estimates
from r1web.ledger.estimates import SCALING, Range
from r1web.ledger.hardware import card
from r1web.ledger.models import Booking
from r1web.ledger.schemas import ForecastOut, RangeOut, StageForecastOut, WhatIfIn, WhatIfOut
from r1web.ledger.selectors.paces import Paces, Part, told
from r1web.ledger.selectors.pricing import HOUR_MS, MICRO, price_on, priced, sums
from r1web.runs.models import Run

TOO_FEW = "The run has told the time of fewer than two steps, so nothing can be said yet."
HOUR_S = 3600
ALL_STAGES = (
    "Intervals are of 95 %, if step times are independent; of several stages they are added. "
    "Evaluation and checkpoints add what they added to the same steps. Starting, waiting and "
    "crashes are not in it."
)


@dataclass(frozen=True)
class Course:
    """How a run goes, by its own steps and bookings."""

    paces: Paces
    known_steps: int
    ms: dict[str, int]
    """Device milliseconds by phase."""
    device_model: str
    devices: int
    currency: str
    per_hour: float
    """Of one device, in micro-units: what the last attempt's devices cost on the mean."""


def forecast(run: Run) -> ForecastOut:
    """Of its remaining steps, stage by stage, on its own devices."""
    remaining = max(0, run.total_steps - run.last_step)
    course = _course(run)
    if course is None:
        return ForecastOut(steps=remaining, known_steps=0, reason=TOO_FEW)
    parts = list(course.paces.parts(after=run.last_step))
    seconds = _together(parts)
    hours = seconds.of(course.devices / HOUR_S)
    return ForecastOut(
        steps=remaining,
        known_steps=course.known_steps,
        stages=[_stage_out(part) for part in parts],
        seconds=_out(seconds),
        device_hours=_out(hours),
        currency=course.currency,
        micros=_out(hours.of(course.per_hour)),
        assumptions=[ALL_STAGES],
    )


def what_if(run: Run, wanted: WhatIfIn) -> WhatIfOut:
    """All its steps on other devices. Raises InvalidError."""
    course = _course(run)
    if course is None:
        raise InvalidError(TOO_FEW, path="run")
    per_hour, currency = _price(wanted)
    devices, why = _on_devices(course, wanted)
    count = estimates.on_so_many(wanted.devices, course.devices)
    parts = list(course.paces.parts(after=0))
    seconds = _together(parts).times(devices).times(count)
    hours = seconds.of(wanted.devices / HOUR_S)
    by_stage = [part.why for part in parts]
    return WhatIfOut(
        steps=run.total_steps,
        known_steps=course.known_steps,
        seconds=_out(seconds),
        device_hours=_out(hours),
        currency=currency,
        micros=_out(hours.of(float(per_hour * MICRO))),
        assumptions=[*by_stage, ALL_STAGES, why, _by_count(course, wanted.devices)],
    )


def _course(run: Run) -> Course | None:
    """None before there are two steps on booked devices."""
    known_steps = told(run, 0, run.last_step).total
    attempt = run.attempts.filter(bookings__device_ms__gt=0).order_by("-number").first()
    if known_steps < 2 or attempt is None:
        return None
    mine = Booking.objects.filter(attempt=attempt)
    model = mine.values("device_model").annotate(ms=Sum("device_ms")).order_by("-ms")[0]
    cost = priced(mine).values("currency").annotate(**sums()).order_by("-micros", "-ms")[0]
    phases = Booking.objects.filter(run=run).values("phase").annotate(ms=Sum("device_ms"))
    devices = attempt.leases.count()
    return Course(
        paces=Paces(run, devices=devices, known_steps=known_steps),
        known_steps=known_steps,
        ms={row["phase"]: row["ms"] for row in phases.order_by()},
        device_model=model["device_model"],
        devices=devices,
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


def _on_devices(course: Course, wanted: WhatIfIn) -> tuple[Range, str]:
    own, other = card(course.device_model), card(wanted.device_model)
    if wanted.relative_speed is not None:
        factor = 1 / wanted.relative_speed
        why = f"A {wanted.device_model} is {wanted.relative_speed:g} times as fast, as you say."
        return Range(factor, factor, factor), why
    if wanted.device_model == course.device_model:
        return Range(1, 1, 1), f"On {course.device_model}, as it runs."
    if own is None or other is None:
        unknown = course.device_model if own is None else wanted.device_model
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
    return estimates.on_other_devices(course.ms, own, other), why


def _by_count(course: Course, devices: int) -> str:
    least, middle, most = SCALING
    return (
        f"On {devices} devices instead of {course.devices} time is divided by their ratio to the "
        f"power of {middle:g}; the bounds are {least:g} and {most:g}. Whether the model fits their "
        "memory is not asked."
    )


def _together(parts: Sequence[Part]) -> Range:
    return reduce(Range.plus, (part.seconds for part in parts), Range(0, 0, 0))


def _stage_out(part: Part) -> StageForecastOut:
    return StageForecastOut(
        stage=part.stage.name,
        kind=part.stage.kind,
        steps=part.steps,
        basis=part.basis,
        seconds=_out(part.seconds),
        why=part.why,
    )


def _out(found: Range) -> RangeOut:
    return RangeOut(low=found.low, mid=found.mid, high=found.high)
