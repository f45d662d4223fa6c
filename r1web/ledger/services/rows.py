"""Puts what meters have read into the bookings."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from r1web.bulk import save_all
from r1web.ledger.models import Booking, Meter
from r1web.ledger.reading import Key, Reading, parts_of

EPOCH_DAY = date(1970, 1, 1)


class Place(NamedTuple):
    """What a booking is found by."""

    attempt: int
    day: date
    stage: str
    phase: str
    node: str
    device_model: str


def place_of(row: Booking) -> Place:
    return Place(row.attempt_id, row.day, row.stage, row.phase, row.node, row.device_model)


class Rows:
    """Bookings of some attempts, changed in memory and then written together."""

    def __init__(self, found: Sequence[Booking]) -> None:
        self._rows = {place_of(row): row for row in found}
        self._changed: dict[Place, Booking] = {}
        self._new: dict[Place, Booking] = {}

    def add(self, run: int, place: Place, ms: int) -> None:
        if place in self._rows:
            row = self._changed[place] = self._rows[place]
        else:
            fields = place._asdict()
            row = Booking(run_id=run, attempt_id=fields.pop("attempt"), **fields)
            self._rows[place] = self._new[place] = row
        row.device_ms += ms

    def move(self, run: int, origin: Place, to: Place, ms: int) -> None:
        self.add(run, origin, -ms)
        self.add(run, to, ms)

    def save(self) -> None:
        save_all(
            [row for place, row in self._changed.items() if place not in self._new], ["device_ms"]
        )
        Booking.objects.bulk_create(self._new.values())


def write(pairs: Sequence[tuple[Meter, Reading]]) -> None:
    """Book what is fresh, for all the devices that the meters' attempts hold."""
    pairs = [(meter, reading) for meter, reading in pairs if reading.fresh or reading.moves]
    if not pairs:
        return
    days = {_day(key) for _, reading in pairs for key in _keys(reading)}
    attempts = [meter.attempt_id for meter, _ in pairs]
    rows = Rows(list(Booking.objects.filter(attempt__in=attempts, day__in=days)))
    for meter, reading in pairs:
        _enter(rows, meter, reading)
        reading.fresh, reading.moves = {}, []
    rows.save()


def _enter(rows: Rows, meter: Meter, reading: Reading) -> None:
    run = meter.run_id
    for node, model, leases in meter.holds:

        def place(key: Key, node: str = node, model: str = model) -> Place:
            _, phase, stage = parts_of(key)
            return Place(meter.attempt_id, _day(key), stage, phase, node, model)

        for key, ms in reading.fresh.items():
            rows.add(run, place(key), ms * len(leases))
        for origin, to, ms in reading.moves:
            rows.move(run, place(origin), place(to), ms * len(leases))


def _keys(reading: Reading) -> Iterator[Key]:
    yield from reading.fresh
    yield from (origin for origin, *_ in reading.moves)


def _day(key: Key) -> date:
    return EPOCH_DAY + timedelta(days=parts_of(key)[0])
