"""Which nodes a run that is first in line waits for, and who makes room for it there."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from r1web.cluster.planning.fleet import Room, first_of_one_site
from r1web.cluster.planning.needs import Need
from r1web.cluster.planning.snapshot import Holding, QueuedRun

Rank = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The nodes to keep for a run, as many as it needs, all for the same kind of device."""

    kind: str
    rooms: list[Room]
    victims: list[int]
    """Runs that are to give up their devices for it."""
    makes_room: bool
    """Somebody gives up devices for it, now or since an earlier pass."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A node that the run may wait for; the one with the lowest rank is best."""

    room: Room
    rank: Rank
    victims: Sequence[Holding] = ()
    makes_room: bool = False


def choose_rooms(
    run: QueuedRun, rooms: Iterable[Room], kinds: Iterable[str], sizes: Mapping[int, int]
) -> Choice | None:
    """Where runs of lower priority make room for it, or else where it can start first.

    Nodes that were kept for it before go before others. None when too few of `rooms` could ever
    take a part of it. `sizes`: devices that each run holds.
    """
    able = {kind: [room for room in rooms if room.shape.can_take(run.need, kind)] for kind in kinds}
    made = _best(run, {kind: _make_room(run, there, kind, sizes) for kind, there in able.items()})
    if made is not None and made.makes_room:
        return made
    return _best(run, {kind: _be_patient(run, there, kind) for kind, there in able.items()})


def _best(run: QueuedRun, offers: Mapping[str, Iterable[Offer]]) -> Choice | None:
    """Of the kind of which the worst node is best."""
    count = run.need.nodes
    ranked = {kind: sorted(there, key=lambda offer: offer.rank) for kind, there in offers.items()}
    enough = {
        kind: chosen
        for kind, there in ranked.items()
        if (chosen := first_of_one_site(there, count, lambda offer: offer.room.node.site))
    }
    if not enough:
        return None
    kind, chosen = min(enough.items(), key=lambda found: found[1][-1].rank)
    return Choice(
        kind,
        rooms=[offer.room for offer in chosen],
        victims=list(dict.fromkeys(held.run for offer in chosen for held in offer.victims)),
        makes_room=any(offer.makes_room for offer in chosen),
    )


def _rank(run: QueuedRun, room: Room, *cost: float) -> Rank:
    return (room.node.key not in run.reserved_nodes, *cost, room.node.key)


def _be_patient(run: QueuedRun, rooms: Iterable[Room], kind: str) -> Iterable[Offer]:
    for room in rooms:
        yield Offer(room, _rank(run, room, *_free_at(run.need, room, kind)))


def _free_at(need: Need, room: Room, kind: str) -> tuple[float, int]:
    """In how many seconds the run could start there, and how many devices are still missing."""
    missing = still = need.count(kind) - room.matching(need, kind)
    if missing <= 0:
        return 0.0, 0
    for end, count in sorted((_end(held), count) for held, count in room.held_for(need, kind)):
        still -= count
        if still <= 0:
            return end, missing
    return math.inf, missing  # taken in this very pass: nobody knows for how long


def _end(held: Holding) -> float:
    if held.leaving:
        return 0.0
    return math.inf if held.ends_in_s is None else held.ends_in_s


def _make_room(
    run: QueuedRun, rooms: Iterable[Room], kind: str, sizes: Mapping[int, int]
) -> Iterable[Offer]:
    """The nodes that are free, or will be when runs of lower priority that allow it have left.

    Best is where fewest devices have to be given up, those on other nodes counted.
    """
    for room in rooms:
        held = room.held_for(run.need, kind)
        leaving = sum(count for holding, count in held if holding.leaving)
        missing = run.need.count(kind) - room.matching(run.need, kind)
        victims = _victims(run, held, missing - leaving)
        if victims is not None:
            given_up = sum(sizes[victim.run] for victim in victims)
            yield Offer(room, _rank(run, room, given_up), victims, missing > 0)


def _victims(
    run: QueuedRun, held: Iterable[tuple[Holding, int]], missing: int
) -> list[Holding] | None:
    """Lowest priority first, and of those the one that has run for the shortest time.

    None when no runs that allow it and have a lower priority hold enough.
    """
    able = [
        (holding, count)
        for holding, count in held
        if holding.preemptible and not holding.leaving and holding.priority < run.priority
    ]
    able.sort(key=lambda found: (found[0].priority, -found[0].since))
    return _enough(able, missing)


def _enough(able: Sequence[tuple[Holding, int]], missing: int) -> list[Holding] | None:
    """The first that suffice, without those that turn out not to be needed."""
    if sum(count for _, count in able) < missing:
        return None
    chosen: list[tuple[Holding, int]] = []
    for found in able:
        if sum(count for _, count in chosen) >= missing:
            break
        chosen.append(found)
    for found in list(chosen):
        if sum(count for _, count in chosen) - found[1] >= missing:
            chosen.remove(found)
    return [holding for holding, _ in chosen]
