"""One pass over the queue.

Runs are looked at in the order of the queue. One that finds no room waits; the first that waits for
a node of some pool has one node of it kept, on which nothing is placed until it starts there or
elsewhere. Runs behind it may fill whatever else is free (backfill), and so never delay it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from r1web.cluster.planning import reasons
from r1web.cluster.planning.fleet import Fleet, Room, can_take
from r1web.cluster.planning.needs import Need
from r1web.cluster.planning.order import in_order
from r1web.cluster.planning.room_making import make_room, soonest
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
    reserved_node: int | None = None
    """The node that is kept for it."""
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
        for holding in snapshot.holdings:
            self.held[holding.project] += len(holding.devices)
        self.plan = Plan()
        self.quota_waits: set[int] = set()
        self.full: set[tuple[Need, str]] = set()
        self.own: dict[int, Room] = {}
        """By run: what is kept for it since an earlier pass."""
        self.waiting: dict[Need, str] = {}
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
        kinds = [kind for kind in need.kinds if self.fleet.largest(need, kind) >= need.count(kind)]
        if not kinds:
            return reasons.not_anywhere(need, self.fleet)
        if project.quota is not None and all(need.count(kind) > project.quota for kind in kinds):
            return reasons.over_quota(need, project)
        return ""

    def _keep_again(self, runs: Iterable[QueuedRun]) -> None:
        """Before anybody of a priority is looked at: what was kept for one of them stays kept."""
        for run in runs:
            room = self.fleet.ready.get(run.reserved_node) if run.reserved_node else None
            if room is not None and not room.kept and can_take(room.shape, run.need):
                self.fleet.keep(room)
                self.own[run.key] = room

    def _consider(self, run: QueuedRun) -> None:
        own = self.own.get(run.key)
        if own is not None:
            self.fleet.let_go(own)
            self.full.difference_update((run.need, kind) for kind in run.need.kinds)
        kinds = self._within_quota(run)
        if not kinds:
            # What comes after it in its project waits too, or small runs would pass it for ever.
            self.quota_waits.add(run.project)
            reason = reasons.at_quota(self.projects[run.project])
            self.plan.waits.append(Wait(run.key, reason, for_quota=True))
            return
        for kind in kinds:
            room = self._best(run.need, kind)
            if room is not None:
                self._place(run, room, kind)
                return
        self._wait_for_room(run)

    def _within_quota(self, run: QueuedRun) -> list[str]:
        """The kinds of device that the run may take without going over its project's quota."""
        quota = self.projects[run.project].quota
        if quota is None:
            return list(run.need.kinds)
        if run.project in self.quota_waits:
            return []
        kinds = [kind for kind in run.need.kinds if run.need.count(kind) <= quota]
        left = quota - self.held[run.project]
        return kinds if all(run.need.count(kind) <= left for kind in kinds) else []

    def _best(self, need: Need, kind: str) -> Room | None:
        if (need, kind) in self.full:
            return None
        room = self.fleet.best(need, kind)
        if room is None:
            self.full.add((need, kind))
        return room

    def _place(self, run: QueuedRun, room: Room, kind: str) -> None:
        devices = self.fleet.take(room, run.need, kind)
        self.held[run.project] += len(devices)
        part = Part(room.node.key, tuple(device.key for device in devices))
        self.plan.placements.append(Placement(run.key, (part,)))

    def _wait_for_room(self, run: QueuedRun) -> None:
        known = self.waiting.get(run.need)
        if known is not None and run.key not in self.own:
            self._wait(run, known)
            return
        able = list(self.fleet.able(run.need))
        open_rooms = [room for room in able if room.node.state == "ready"]
        unkept = [room for room in open_rooms if not room.kept]
        if unkept and (run.key in self.own or len(unkept) == len(open_rooms)):
            self._go_first(run, unkept)
            # Its node gives no more; those behind it may have lost what they could have had.
            self.waiting[run.need] = reasons.behind(run.need, open_rooms)
            return
        why = (
            reasons.behind(run.need, open_rooms)
            if open_rooms
            else reasons.not_open(able, self.snapshot.nodes)
        )
        self.waiting[run.need] = why
        self._wait(run, why)

    def _go_first(self, run: QueuedRun, rooms: Sequence[Room]) -> None:
        """Keep a node for the run, and have room made there when its priority is worth that."""
        made = make_room(run, rooms)
        room, victims = made or (soonest(run, rooms), [])
        self.fleet.keep(room)
        # Or others of its project would use the quota up meanwhile.
        self.held[run.project] += room.shape.pledge(run.need)
        self.plan.preempted.extend(victim.run for victim in victims)
        why = reasons.first_in_line(room, makes_room=made is not None)
        self._wait(run, why, reserved_node=room.node.key)

    def _wait(self, run: QueuedRun, reason: str, reserved_node: int | None = None) -> None:
        self.plan.waits.append(Wait(run.key, reason, reserved_node))
