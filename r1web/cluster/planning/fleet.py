"""The nodes as one pass sees them: what is free, what is kept for whom.

Nodes that look alike (same site, labels and devices) share a Shape, and within it those with
equally much free share a bucket. A run looks at buckets, not at nodes: that is what makes a pass
fast.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from r1web.cluster.planning.needs import Need, Traits
from r1web.cluster.planning.snapshot import DeviceView, Holding, NodeView

Free = tuple[int, ...]
"""Free devices by trait, in the order of the shape's traits."""


@dataclass(eq=False, slots=True)
class Room:
    """A node, and what is to be had on it."""

    node: NodeView
    shape: "Shape"
    free: list[list[DeviceView]]
    holdings: list[Holding]
    kept: bool = False
    """For a run further ahead: nobody else gets anything of it."""

    @property
    def counts(self) -> Free:
        return tuple(len(devices) for devices in self.free)

    def can_take(self, need: Need) -> bool:
        """Whether a part of the run would go there when nothing runs there."""
        return any(self.shape.can_take(need, kind) for kind in need.kinds)

    def matching(self, need: Need, kind: str) -> int:
        """Free devices that the run could take."""
        return sum(len(self.free[place]) for place in self.shape.places(need, kind))

    def held_for(self, need: Need, kind: str) -> list[tuple[Holding, int]]:
        """Who holds devices that the run could take, and how many."""
        accepted = {self.shape.traits[place] for place in self.shape.places(need, kind)}
        wanted = {device.key for device in self.node.devices if device.traits in accepted}
        counted = [(held, len(wanted.intersection(held.devices))) for held in self.holdings]
        return [(held, count) for held, count in counted if count]


@dataclass(eq=False, slots=True)
class Shape:
    site: str
    labels: frozenset[str]
    traits: tuple[Traits, ...]
    totals: Free
    rooms: list[Room] = field(default_factory=list)
    buckets: dict[Free, dict[int, Room]] = field(default_factory=lambda: defaultdict(dict))
    _places: dict[tuple[Need, str], tuple[int, ...]] = field(default_factory=dict)

    def places(self, need: Need, kind: str) -> tuple[int, ...]:
        """Which of the traits suit the run; none when its labels are missing."""
        found = self._places.get((need, kind))
        if found is None:
            found = self._places[need, kind] = tuple(
                place
                for place, traits in enumerate(self.traits)
                if traits.kind == kind and need.accepts(traits) and need.node_labels <= self.labels
            )
        return found

    def can_take(self, need: Need, kind: str) -> bool:
        """Whether the run's part of one node would go there when nothing runs there."""
        return self.capacity(need, kind) >= need.count(kind)

    def capacity(self, need: Need, kind: str) -> int:
        """Devices for the run on such a node when nothing runs there."""
        return sum(self.totals[place] for place in self.places(need, kind))


T = TypeVar("T")


def first_of_one_site(found: Iterable[T], count: int, site_of: Callable[[T], str]) -> list[T]:
    """The first `count` that are of the same site; none when no site has so many."""
    by_site: dict[str, list[T]] = defaultdict(list)
    for one in found:
        together = by_site[site_of(one)]
        together.append(one)
        if len(together) == count:
            return together
    return []


class Fleet:
    def __init__(self, nodes: Iterable[NodeView], holdings: Iterable[Holding]) -> None:
        by_node: dict[int, list[Holding]] = defaultdict(list)
        for holding in holdings:
            by_node[holding.node].append(holding)
        self._shapes: dict[tuple[str, frozenset[str], tuple[Traits, ...], Free], Shape] = {}
        for node in nodes:
            self._add(node, by_node[node.key])
        self._able: dict[tuple[Need, str], int] = {}
        self.shapes = list(self._shapes.values())
        rooms = (room for shape in self.shapes for room in shape.rooms)
        self.ready = {room.node.key: room for room in rooms if room.node.state == "ready"}

    def _add(self, node: NodeView, holdings: list[Holding]) -> None:
        taken = {key for holding in holdings for key in holding.devices}
        by_traits: dict[Traits, list[DeviceView]] = defaultdict(list)
        for device in node.devices:
            by_traits[device.traits].append(device)
        traits = tuple(by_traits)
        totals = tuple(len(devices) for devices in by_traits.values())
        look = node.site, node.labels, traits, totals
        shape = self._shapes.setdefault(look, Shape(*look))
        free = [[d for d in devices if d.key not in taken] for devices in by_traits.values()]
        room = Room(node, shape, free, holdings)
        shape.rooms.append(room)
        if node.state == "ready":
            shape.buckets[room.counts][node.key] = room

    def best(self, need: Need, kind: str) -> list[Room]:
        """The nodes on which the run fits and least is left over; none when they are too few."""
        count = need.count(kind)
        fitting = [
            (sum(free), place, bucket)
            for place, shape in enumerate(self.shapes)
            if (places := shape.places(need, kind))
            for free, bucket in shape.buckets.items()
            if bucket and sum(free[at] for at in places) >= count
        ]
        fitting.sort(key=lambda found: found[:2])
        rooms = chain.from_iterable(bucket.values() for _, _, bucket in fitting)
        return first_of_one_site(rooms, need.nodes, lambda room: room.node.site)

    def take(self, room: Room, need: Need, kind: str) -> list[DeviceView]:
        """Lease what the run needs of one of the nodes that `best` gave."""
        bucket = room.shape.buckets[room.counts]
        del bucket[room.node.key]
        wanted, taken = need.count(kind), list[DeviceView]()
        for place in room.shape.places(need, kind):
            share = room.free[place][: wanted - len(taken)]
            room.free[place] = room.free[place][len(share) :]
            taken += share
        room.shape.buckets[room.counts][room.node.key] = room
        return taken

    def keep(self, room: Room) -> None:
        """Give nothing of the node to anybody else in this pass."""
        room.kept = True
        del room.shape.buckets[room.counts][room.node.key]

    def let_go(self, room: Room) -> None:
        """Give of it again, as before `keep`."""
        room.kept = False
        room.shape.buckets[room.counts][room.node.key] = room

    def able(self, need: Need, kinds: Iterable[str]) -> Iterator[Room]:
        """Nodes in any state that could take a part of the run if nothing ran on them."""
        for shape in self.shapes:
            if any(shape.can_take(need, kind) for kind in kinds):
                yield from shape.rooms

    def able_count(self, need: Need, kind: str) -> int:
        """Nodes that could take a part of the run, of the site that has most of them."""
        found = self._able.get((need, kind))
        if found is None:
            found = self._able[need, kind] = self._count_able(need, kind)
        return found

    def _count_able(self, need: Need, kind: str) -> int:
        by_site: Counter[str] = Counter()
        for shape in self.shapes:
            by_site[shape.site] += len(shape.rooms) if shape.can_take(need, kind) else 0
        return max(by_site.values(), default=0)

    def largest(self, need: Need, kind: str) -> int:
        """Most devices for the run that any one node has."""
        return max((shape.capacity(need, kind) for shape in self.shapes), default=0)
