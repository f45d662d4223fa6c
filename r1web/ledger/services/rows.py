"""Puts what meters have read into the bookings."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from r1web.bulk import save_all
from r1web.ledger.energy import Energy, shared_out
from r1web.ledger.models import Booking, Meter
from r1web.ledger.reading import Key, Reading, parts_of

EPOCH_DAY = date(1970, 1, 1)


NUMBERS = ["device_ms", "measured_ms", "measured_mj"]


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
        """With its part of the energy."""
        self.add(run, origin, 0)
        self.add(run, to, 0)
        source, target = self._rows[origin], self._rows[to]
        for name in ("measured_ms", "measured_mj"):
            part = getattr(source, name) * ms // source.device_ms
            setattr(source, name, getattr(source, name) - part)
            setattr(target, name, getattr(target, name) + part)
        source.device_ms -= ms
        target.device_ms += ms

    def add_energy(self, place: Place, mj: int, ms: int) -> None:
        """To a booking that is there."""
        row = self._changed[place] = self._rows[place]
        row.measured_mj += mj
        row.measured_ms += ms

    def save(self) -> None:
        save_all([row for place, row in self._changed.items() if place not in self._new], NUMBERS)
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


def book_energy(meter: Meter, node: str, energy: Energy) -> None:
    """To what the node's devices did since it was measured before, all of which is booked."""
    since: dict[str, int] = meter.unmeasured.get(node, {})
    meter.unmeasured[node] = {}
    if not since or not energy.device_ms:
        return
    places = {_place(meter, node, *key.split("\n", 1)): ms for key, ms in since.items() if ms}
    rows = Rows(list(Booking.objects.filter(attempt=meter.attempt_id, node=node)))
    covered = shared_out(min(energy.device_ms, sum(places.values())), places)
    for place, mj in shared_out(energy.mj, places).items():
        rows.add_energy(place, mj, covered[place])
    rows.save()


def _enter(rows: Rows, meter: Meter, reading: Reading) -> None:
    for node, model, leases in meter.holds:
        count, unmeasured = len(leases), meter.unmeasured.get(node, {})
        for key, ms in reading.fresh.items():
            if ms:
                rows.add(meter.run_id, _place(meter, node, model, key), ms * count)
                _add(unmeasured, _of_model(model, key), ms * count)
        for origin, to, ms in reading.moves:
            left, entered = (_place(meter, node, model, key) for key in (origin, to))
            rows.move(meter.run_id, left, entered, ms * count)
            part = min(ms * count, unmeasured.get(_of_model(model, origin), 0))
            _add(unmeasured, _of_model(model, origin), -part)
            _add(unmeasured, _of_model(model, to), part)


def _add(account: dict[str, int], key: str, ms: int) -> None:
    account[key] = account.get(key, 0) + ms


def _of_model(model: str, key: Key) -> str:
    return f"{model}\n{key}"


def _place(meter: Meter, node: str, model: str, key: Key) -> Place:
    _, phase, stage = parts_of(key)
    return Place(meter.attempt_id, _day(key), stage, phase, node, model)


def _keys(reading: Reading) -> Iterator[Key]:
    yield from reading.fresh
    yield from (origin for origin, *_ in reading.moves)


def _day(key: Key) -> date:
    return EPOCH_DAY + timedelta(days=parts_of(key)[0])
