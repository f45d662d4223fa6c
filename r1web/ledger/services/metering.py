"""Follows what an attempt's devices do, from lease to release. The caller holds the run's row."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from r1web.bulk import save_all
from r1web.cluster.models import Device, Lease
from r1web.ledger.energy import Energy
from r1web.ledger.hardware import CPU_SLOT, UNKNOWN
from r1web.ledger.models import FAULT_LENGTH, Mark, Meter
from r1web.ledger.moments import in_ms, moment_of
from r1web.ledger.reading import Reading
from r1web.ledger.services.rows import book_energy, write
from r1web.ledger.services.wasting import lose_what_is_done_again
from r1web.runs.models import Attempt, Run
from r1web.runs.selectors.plans import plan_of
from training.events import CheckpointEvent, Event, StartedEvent

Pair = tuple[Meter, Reading]


class Measured(NamedTuple):
    """What one node's supervisor has measured of an attempt just now."""

    attempt: Attempt
    node: str
    energy: Energy | None
    """None without GPUs that tell it."""

    @property
    def run(self) -> Run:
        return self.attempt.run


def begin(*, attempt: Attempt, since: datetime) -> Meter:
    """Book all that the attempt has leased from then on, unless that has begun already."""
    if (present := Meter.objects.filter(attempt=attempt).first()) is not None:
        return present
    leases = Lease.objects.filter(attempt=attempt, released_at=None)
    leases.update(created_at=since)
    holds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for lease in leases.select_related("device__node").order_by("pk"):
        holds[_kind(lease.device)].append(lease.pk)
    return Meter.objects.create(
        run_id=attempt.run_id,
        attempt=attempt,
        holds=[[node, model, keys] for (node, model), keys in holds.items()],
        reading=Reading(in_ms(since), stage=_stage_of(attempt)).as_json(),
    )


def _stage_of(attempt: Attempt) -> str:
    """In which it begins; the journal tells the others."""
    plan = plan_of(attempt.run)
    return next((each for each in plan if attempt.start_step < each.last_step), plan[-1]).name


def book(told: Sequence[tuple[Attempt, Sequence[Event]]]) -> None:
    """What the new lines of these attempts' journals say."""
    now_ms = in_ms(timezone.now())
    meters = _meters([attempt for attempt, _ in told])
    pairs = []
    for attempt, events in told:
        if any(isinstance(event, StartedEvent) for event in events):
            lose_what_is_done_again(attempt)
        if attempt.pk in meters:
            pairs.append(pair := meters[attempt.pk])
            _take(pair, events, now_ms)
    write([pair for pair in pairs if pair[1].moves])
    _save(pairs)


def note_fault(*, attempt: Attempt, cause: str) -> bool:
    """That lines of its journal could not be booked; whether it is the first time."""
    return Meter.objects.filter(attempt=attempt, fault="").update(fault=cause[:FAULT_LENGTH]) > 0


def go_on(measured: Sequence[Measured]) -> None:
    """They do still what they did last: book that up to now, and the energy that it took."""
    now_ms = in_ms(timezone.now())
    meters = _meters([one.attempt for one in measured])
    pairs = list(meters.values())
    for _, reading in pairs:
        reading.run_to(now_ms)
    write(pairs)
    for one in measured:
        if one.energy is not None and one.attempt.pk in meters:
            book_energy(meters[one.attempt.pk][0], one.node, one.energy)
    _save(pairs)


def stop(*, attempt: Attempt, leaving: QuerySet[Lease]) -> datetime:
    """Book the rest of these leases; when they are over.

    That is now, or later where the clock was set back since they were booked last.
    """
    gone = set(leaving.values_list("pk", flat=True))
    now = timezone.now()
    if not gone:
        return now
    meter = begin(attempt=attempt, since=_since(attempt))
    reading = Reading(**meter.reading)
    if attempt.ended_at is not None:
        reading.give_up()
    reading.run_to(in_ms(now))
    write([(meter, reading)])
    _leave(meter, gone)
    _save([(meter, reading)])
    return max(now, moment_of(reading.until_ms))


def let_go(*, attempt: Attempt, leaving: QuerySet[Lease]) -> datetime:
    """Hold these leases no more, without booking the rest of them; when they are over."""
    gone = set(leaving.values_list("pk", flat=True))
    for meter in Meter.objects.filter(attempt=attempt):
        _leave(meter, gone)
        meter.save(update_fields=["holds"])
    return timezone.now()


def _leave(meter: Meter, gone: set[int]) -> None:
    left = [
        [node, model, [key for key in keys if key not in gone]] for node, model, keys in meter.holds
    ]
    meter.holds = [hold for hold in left if hold[2]]


def _kind(device: Device | None) -> tuple[str, str]:
    """Node and model; a device that its node has lost has neither."""
    if device is None:
        return "", UNKNOWN
    if device.kind == Device.Kind.CPU:
        return device.node.name, CPU_SLOT
    return device.node.name, device.model or UNKNOWN


def _since(attempt: Attempt) -> datetime:
    """The begin of leases of which only that is known: their job was never seen to run, or they are
    older than the ledger."""
    return (
        Lease.objects.filter(attempt=attempt, released_at=None).order_by("created_at")[0].created_at
    )


def _meters(attempts: Iterable[Attempt]) -> Mapping[int, Pair]:
    """Those that still run, by attempt."""
    found = Meter.objects.filter(attempt__in=[attempt.pk for attempt in attempts])
    return {meter.attempt_id: (meter, Reading(**meter.reading)) for meter in found if meter.holds}


def _take(pair: Pair, events: Sequence[Event], now_ms: int) -> None:
    meter, reading = pair
    for event in events:
        reading.take(event, now_ms)
        if isinstance(event, CheckpointEvent):
            write([pair])
            _mark(meter, event)


def _mark(meter: Meter, event: CheckpointEvent) -> None:
    of_run = Mark.objects.filter(attempt__run=meter.run_id)
    of_run.filter(path__in=[event.path, *event.removed]).delete()
    booked = meter.attempt.bookings.values_list("pk", "device_ms")
    Mark.objects.update_or_create(
        attempt=meter.attempt,
        step=event.step,
        defaults={"path": event.path, "booked": dict(booked)},
    )


def _save(pairs: Sequence[Pair]) -> None:
    for meter, reading in pairs:
        meter.reading = reading.as_json()
    save_all([meter for meter, _ in pairs], ["holds", "reading", "unmeasured"])
