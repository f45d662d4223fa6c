"""One pass over the queue.

Runs are looked at in the order of the queue. One that finds no room waits; the first that waits in
some pool of nodes has as many of them kept as it needs, on which nothing is placed until it starts
there or elsewhere. Runs behind it may fill whatever else is free (backfill), and so never delay it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from r1web.cluster.planning import reasons
from r1web.cluster.planning.fleet import Fleet, Room
from r1web.cluster.planning.needs import Need
from r1web.cluster.planning.order import in_order
from r1web.cluster.planning.room_making import choose_rooms
from r1web.cluster.planning.snapshot import QueuedRun, Snapshot


@dataclass(frozen=True, slots=True)
class Part:
    """What a run gets of one node."""

    node: int
    devices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    run: int
    parts: tuple[Part, ...]
    """The leading node first; each part is on another node."""

    @property
    def devices(self) -> tuple[int, ...]:
        return tuple(device for part in self.parts for device in part.devices)


@dataclass(frozen=True, slots=True)
class Wait:
    run: int
    reason: str
    reserved_nodes: tuple[int, ...] = ()
    """The nodes that are kept for it."""
    possible: bool = True
    """False: as things are it can never start."""
    for_quota: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    placements: list[Placement] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    """First in line first; what can never start comes last."""
    preempted: list[int] = field(default_factory=list)
    """Runs that are to save and go back into the queue."""


def make_plan(snapshot: Snapshot) -> Plan:
    """Who starts where, who waits and why, and who makes room."""
    return _Pass(snapshot).run()


class _Pass:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.projects = {project.key: project for project in snapshot.projects}
        self.fleet = Fleet(snapshot.nodes, snapshot.holdings)
        self.held: dict[int, int] = defaultdict(int)
        self.sizes: dict[int, int] = defaultdict(int)
        """Devices that each run holds, on all its nodes."""
        for holding in snapshot.holdings:
            self.held[holding.project] += len(holding.devices)
            self.sizes[holding.run] += len(holding.devices)
        self.plan = Plan()
        self.quota_waits: set[int] = set()
        self.full: set[tuple[Need, str]] = set()
        self.own: dict[int, list[Room]] = {}
        """By run: what is kept for it since an earlier pass."""
        self.waiting: dict[tuple[Need, tuple[str, ...]], str] = {}
        """Why everything that asks for this waits; what is free only gets less in a pass."""
        self.never: dict[tuple[Need, int], str] = {}

    def run(self) -> Plan:
        impossible = [run for run in self.snapshot.runs if self._never(run)]
        hopeless = {run.key for run in impossible}
        possible = [run for run in self.snapshot.runs if run.key not in hopeless]
        for priority, level in groupby(
            in_order(possible, self.held, self.projects), key=lambda run: run.priority
        ):
            self._keep_again([run for run in possible if run.priority == priority])
            for run in level:
                self._consider(run)
        self.plan.waits.extend(
            Wait(run.key, self._never(run), possible=False) for run in impossible
        )
        return self.plan

    def _never(self, run: QueuedRun) -> str:
        """Why it can never start; empty when it can."""
        known = self.never.get((run.need, run.project))
        if known is None:
            known = self.never[run.need, run.project] = self._why_never(run)
        return known

    def _why_never(self, run: QueuedRun) -> str:
        need, project = run.need, self.projects[run.project]
        kinds = [kind for kind in need.kinds if self.fleet.able_count(need, kind) >= need.nodes]
        if not kinds:
            return reasons.not_anywhere(need, self.fleet)
        if project.quota is not None and all(need.total(kind) > project.quota for kind in kinds):
            return reasons.over_quota(need, project)
        return ""

    def _keep_again(self, runs: Iterable[QueuedRun]) -> None:
        """Before anybody of a priority is looked at: what was kept for one of them stays kept."""
        for run in runs:
            rooms = (self.fleet.ready.get(node) for node in run.reserved_nodes)
            own = [room for room in rooms if room and not room.kept and room.can_take(run.need)]
            for room in own:
                self.fleet.keep(room)
            if own:
                self.own[run.key] = own

    def _consider(self, run: QueuedRun) -> None:
        own = self.own.get(run.key, [])
        for room in own:
            self.fleet.let_go(room)
        if own:
            self.full.difference_update((run.need, kind) for kind in run.need.kinds)
        kinds = self._within_quota(run)
        if not kinds:
            # What comes after it in its project waits too, or small runs would pass it for ever.
            self.quota_waits.add(run.project)
            reason = reasons.at_quota(self.projects[run.project])
            self.plan.waits.append(Wait(run.key, reason, for_quota=True))
            return
        for kind in kinds:
            rooms = self._best(run.need, kind)
            if rooms:
                self._place(run, rooms, kind)
                return
        self._wait_for_room(run, kinds)

    def _within_quota(self, run: QueuedRun) -> tuple[str, ...]:
        """The kinds of device that the run may take without going over its project's quota."""
        quota = self.projects[run.project].quota
        if quota is None:
            return run.need.kinds
        if run.project in self.quota_waits:
            return ()
        kinds = tuple(kind for kind in run.need.kinds if run.need.total(kind) <= quota)
        left = quota - self.held[run.project]
        return kinds if all(run.need.total(kind) <= left for kind in kinds) else ()

    def _best(self, need: Need, kind: str) -> list[Room]:
        if (need, kind) in self.full:
            return []
        rooms = self.fleet.best(need, kind)
        if not rooms:
            self.full.add((need, kind))
        return rooms

    def _place(self, run: QueuedRun, rooms: Iterable[Room], kind: str) -> None:
        parts = tuple(self._part(room, run.need, kind) for room in rooms)
        self.held[run.project] += run.need.total(kind)
        self.plan.placements.append(Placement(run.key, parts))

    def _part(self, room: Room, need: Need, kind: str) -> Part:
        devices = self.fleet.take(room, need, kind)
        return Part(room.node.key, tuple(device.key for device in devices))

    def _wait_for_room(self, run: QueuedRun, kinds: tuple[str, ...]) -> None:
        known = self.waiting.get((run.need, kinds))
        if known is not None and run.key not in self.own:
            self._wait(run, known)
            return
        able = list(self.fleet.able(run.need, kinds))
        open_rooms = [room for room in able if room.node.state == "ready"]
        unkept = [room for room in open_rooms if not room.kept]
        may_be_first = run.key in self.own or len(unkept) == len(open_rooms)
        goes_first = may_be_first and self._go_first(run, unkept, kinds)
        # What is kept gives no more; those behind it may have lost what they could have had.
        why = (
            reasons.behind(run.need, open_rooms)
            if len(open_rooms) >= run.need.nodes
            else reasons.not_open(able, self.snapshot.nodes)
        )
        self.waiting[run.need, kinds] = why
        if not goes_first:
            self._wait(run, why)

    def _go_first(self, run: QueuedRun, rooms: Sequence[Room], kinds: Iterable[str]) -> bool:
        """Keep nodes for the run, all that it needs, and have room made there when its priority is
        worth that. False when there are too few: nothing is kept, so nobody waits for it."""
        choice = choose_rooms(run, rooms, kinds, self.sizes)
        if choice is None:
            return False
        for room in choice.rooms:
            self.fleet.keep(room)
        # Or others of its project would use the quota up meanwhile.
        self.held[run.project] += run.need.total(choice.kind)
        asked = set(self.plan.preempted)
        self.plan.preempted.extend(key for key in choice.victims if key not in asked)
        why = reasons.first_in_line(choice.rooms, makes_room=choice.makes_room)
        self._wait(run, why, tuple(room.node.key for room in choice.rooms))
        return True

    def _wait(self, run: QueuedRun, reason: str, reserved_nodes: tuple[int, ...] = ()) -> None:
        self.plan.waits.append(Wait(run.key, reason, reserved_nodes))
