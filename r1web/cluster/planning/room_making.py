"""Which node a run that is first in line waits for, and who makes room for it there."""

import math
from collections.abc import Iterable, Sequence

from r1web.cluster.planning.fleet import Room
from r1web.cluster.planning.needs import Need
from r1web.cluster.planning.snapshot import Holding, QueuedRun


def soonest(run: QueuedRun, rooms: Sequence[Room]) -> Room:
    """The node that was kept for it before, or where enough devices are free first."""
    for room in rooms:
        if room.node.key == run.reserved_node:
            return room
    return min(rooms, key=lambda room: (*_free_at(run.need, room), room.node.key))


def _free_at(need: Need, room: Room) -> tuple[float, int]:
    """In how many seconds the run could start there, and how many devices are still missing."""
    return min(_free_at_of(need, kind, room) for kind in need.kinds)


def _free_at_of(need: Need, kind: str, room: Room) -> tuple[float, int]:
    if room.shape.capacity(need, kind) < need.count(kind):
        return math.inf, need.count(kind)
    missing = need.count(kind) - room.matching(need, kind)
    ends = sorted((_end(held), count) for held, count in room.held_for(need, kind))
    still = missing
    for end, count in ends:
        still -= count
        if still <= 0:
            return end, missing
    return math.inf, missing  # taken in this very pass: nobody knows for how long


def _end(held: Holding) -> float:
    if held.leaving:
        return 0.0
    return math.inf if held.ends_in_s is None else held.ends_in_s


def make_room(run: QueuedRun, rooms: Iterable[Room]) -> tuple[Room, list[Holding]] | None:
    """The node on which fewest devices have to be given up for the run, and who gives them up.

    Nobody, where those that are already leaving suffice. None when no runs that allow it and have
    a lower priority hold enough.
    """
    options = [
        (room, victims)
        for room in rooms
        for kind in run.need.kinds
        if (victims := _victims(run, room, kind)) is not None
    ]
    return min(
        options,
        key=lambda option: (
            option[0].node.key != run.reserved_node,
            sum(len(victim.devices) for victim in option[1]),
            option[0].node.key,
        ),
        default=None,
    )


def _victims(run: QueuedRun, room: Room, kind: str) -> list[Holding] | None:
    """Lowest priority first, and of those the one that has run for the shortest time."""
    held = room.held_for(run.need, kind)
    leaving = sum(count for holding, count in held if holding.leaving)
    missing = run.need.count(kind) - room.matching(run.need, kind) - leaving
    if missing <= 0:
        return [] if leaving else None
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
