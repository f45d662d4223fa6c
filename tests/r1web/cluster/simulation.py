"""A cluster that lives through a queue of random jobs, planned by r1web/cluster/planning.

Time goes in ticks. After each pass of the planner everything that must hold is checked; how long a
job takes is known here, but not to the planner, which is only told how long is left at present.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from r1web.cluster.planning import (
    CPU,
    GPU,
    DeviceView,
    Holding,
    Need,
    NodeView,
    Part,
    Plan,
    ProjectView,
    QueuedRun,
    Snapshot,
    Traits,
    make_plan,
)

H200 = Traits(GPU, "NVIDIA H200", 141 * 10**9, native_fp8=True)
A100 = Traits(GPU, "NVIDIA A100-SXM4-80GB", 80 * 10**9)
SLOT = Traits(CPU, "CPU slot", 64 * 10**9)
TICK_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    run: QueuedRun
    arrives: int
    """Tick."""
    takes: int
    """Ticks."""


@dataclass
class Report:
    passes: int = 0
    started: dict[int, int] = field(default_factory=dict)
    """Tick at which each job started."""
    waited: dict[int, int] = field(default_factory=dict)
    impossible: set[int] = field(default_factory=set)
    used: float = 0.0
    ideal: float = 0.0
    """Device-ticks, had every job been as divisible as water, within quotas."""

    @property
    def utilisation(self) -> float:
        """Of what an ideal packing would have used: at every tick all devices, or all demand."""
        return self.used / self.ideal


def cluster(rng: random.Random, count: int) -> list[NodeView]:
    keys = iter(range(1, 10**9))
    nodes = []
    for key in range(1, count + 1):
        traits, devices = rng.choices([(H200, 8), (A100, 4), (SLOT, 4)], [6, 2, 2])[0]
        labels = frozenset(label for label in ("nvlink", "fast-disk") if rng.random() < 0.5)
        views = [DeviceView(next(keys), traits) for _ in range(devices)]
        nodes.append(NodeView(key, f"node-{key:03}", views, labels))
    return nodes


def projects(rng: random.Random, count: int, nodes: Sequence[NodeView]) -> list[ProjectView]:
    """Half of them with a quota: a quarter or an eighth of the cluster."""
    devices = sum(len(node.devices) for node in nodes)
    quotas = [None, None, devices // 8, devices // 4]
    return [ProjectView(key, f"project {key}", rng.choice(quotas)) for key in range(1, count + 1)]


def jobs(rng: random.Random, count: int, project_count: int, over_ticks: int) -> list[Job]:
    return [_job(rng, key, project_count, rng.randrange(over_ticks)) for key in range(1, count + 1)]


def _job(rng: random.Random, key: int, project_count: int, arrives: int) -> Job:
    return Job(
        QueuedRun(
            key=key,
            project=rng.randint(1, project_count),
            need=_shared(_need(rng)),
            priority=rng.choices([0, 5, -5], [8, 1, 1])[0],
            queued_at=arrives * TICK_S + rng.random(),
        ),
        arrives,
        takes=max(1, round(rng.lognormvariate(3, 1))),
    )


@cache
def _shared(need: Need) -> Need:
    """One object for equal ones, as reading the queue makes them."""
    return need


def _need(rng: random.Random) -> Need:
    if rng.random() < 0.15:
        return Need(device="cpu", nodes=rng.choices([1, 3], [9, 1])[0])
    nodes = rng.choices([1, 2, 4, 16], [85, 10, 4, 1])[0]
    return Need(
        processes=nodes * rng.choices([1, 2, 4, 8, 16], [40, 20, 20, 19, 1])[0],
        device="cuda",
        nodes=nodes,
        gpu_model=rng.choices(["", "H200", "A100"], [8, 1, 1])[0],
        gpu_memory_gb=rng.choices([0.0, 100.0], [9, 1])[0],
        native_fp8=rng.random() < 0.1,
        node_labels=frozenset(["nvlink"] if rng.random() < 0.1 else []),
    )


@dataclass
class Running:
    job: Job
    parts: tuple[Part, ...]
    ends: int

    @property
    def devices(self) -> tuple[int, ...]:
        return tuple(device for part in self.parts for device in part.devices)


class Simulation:
    def __init__(
        self, nodes: Sequence[NodeView], projects: Sequence[ProjectView], jobs: Sequence[Job]
    ) -> None:
        self.nodes = {node.key: node for node in nodes}
        self.traits = {d.key: d.traits for node in nodes for d in node.devices}
        self.projects = list(projects)
        self.quotas = {project.key: project.quota for project in projects}
        self.coming = sorted(jobs, key=lambda job: -job.arrives)
        self.by_key = {job.run.key: job for job in jobs}
        self.waiting: dict[int, Job] = {}
        self.running: dict[int, Running] = {}
        self.recent: dict[int, float] = defaultdict(float)
        self.promised: dict[int, int] = {}
        """By run for which a node is kept: the tick by which it must have started."""
        self.report = Report()

    def run(self) -> Report:
        """Live until all that can run has run."""
        for now in self._ticks():
            plan = make_plan(self._snapshot(now))
            self._start(plan, now)
            self._check_quotas()
            self._note_waits(plan, now)
            self._measure()
        return self.report

    def _ticks(self) -> Iterator[int]:
        now = 0
        while self.coming or self.waiting or self.running:
            for key in [key for key, running in self.running.items() if running.ends <= now]:
                del self.running[key]
            while self.coming and self.coming[-1].arrives <= now:
                job = self.coming.pop()
                self.waiting[job.run.key] = job
            if self.waiting:
                assert self.report.passes < 100_000, "nothing gets on any more"
                self.report.passes += 1
                yield now
            now += 1

    def _snapshot(self, now: int) -> Snapshot:
        holdings = [
            Holding(
                run=key,
                project=running.job.run.project,
                node=part.node,
                devices=part.devices,
                ends_in_s=(running.ends - now) * TICK_S,
            )
            for key, running in self.running.items()
            for part in running.parts
        ]
        projects = [replace(p, recent_device_s=self.recent[p.key]) for p in self.projects]
        runs = [job.run for job in self.waiting.values()]
        return Snapshot(runs, list(self.nodes.values()), holdings, projects)

    def _start(self, plan: Plan, now: int) -> None:
        taken = {device for running in self.running.values() for device in running.devices}
        for placement in plan.placements:
            job = self.waiting.pop(placement.run)
            nodes = [part.node for part in placement.parts]
            assert len(set(nodes)) == len(nodes) == job.run.need.nodes, "not all or on one twice"
            assert taken.isdisjoint(placement.devices), "a device was leased twice"
            taken.update(placement.devices)
            for part in placement.parts:
                self._check_fits(job, self.nodes[part.node], part.devices)
                self._check_kept(job, self.nodes[part.node])
            promise = self.promised.pop(placement.run, now)
            assert now <= promise, f"run {placement.run} was promised {promise}, not {now}"
            self.running[placement.run] = Running(job, placement.parts, now + job.takes)
            self.recent[job.run.project] += len(placement.devices) * job.takes * TICK_S
            self.report.started[placement.run] = now
            self.report.waited[placement.run] = now - job.arrives

    def _check_fits(self, job: Job, node: NodeView, devices: tuple[int, ...]) -> None:
        need = job.run.need
        assert set(devices) <= {device.key for device in node.devices}
        kinds = {self.traits[device].kind for device in devices}
        assert len(kinds) == 1
        assert len(set(devices)) == len(devices) == need.count(kinds.pop())
        assert all(need.accepts(self.traits[device]) for device in devices)
        assert need.node_labels <= node.labels

    def _check_kept(self, job: Job, node: NodeView) -> None:
        """Nothing starts on a node that is kept for another, unless its priority is higher: that
        puts the other's start off."""
        for key in [key for key in self.promised if key != job.run.key and key in self.waiting]:
            other = self.waiting[key].run
            if node.key in other.reserved_nodes:
                assert job.run.priority > other.priority, "a kept node was given away"
                del self.promised[key]

    def _check_quotas(self) -> None:
        held: dict[int, int] = defaultdict(int)
        for running in self.running.values():
            held[running.job.run.project] += len(running.devices)
        for project, quota in self.quotas.items():
            assert quota is None or held[project] <= quota, f"project {project} is over its quota"

    def _note_waits(self, plan: Plan, now: int) -> None:
        kept = {wait.run: wait.reserved_nodes for wait in plan.waits if wait.reserved_nodes}
        named = [placed.run for placed in plan.placements] + [wait.run for wait in plan.waits]
        for run in set(self.promised) - set(kept):
            # Only a higher priority takes a place away.
            mine = self.by_key[run].run.priority
            assert any(self.by_key[other].run.priority > mine for other in named)
            del self.promised[run]
        for wait in plan.waits:
            job = self.waiting[wait.run]
            assert wait.reason
            if not wait.possible:
                assert job.arrives == now, "it should have been said at once"
                self.report.impossible.add(wait.run)
                del self.waiting[wait.run]
                continue
            if wait.run in kept:
                nodes = kept[wait.run]
                assert len(set(nodes)) == len(nodes) == job.run.need.nodes
                if wait.run not in self.promised:
                    self.promised[wait.run] = max(
                        self._free_at(job.run.need, node) for node in nodes
                    )
            self.waiting[wait.run] = replace(
                job, run=replace(job.run, reserved_nodes=kept.get(wait.run, ()))
            )
        claims = [node for nodes in kept.values() for node in nodes]
        assert len(set(claims)) == len(claims), "a node is kept for two"

    def _free_at(self, need: Need, node: int) -> int:
        """When the node has room for it, if nothing is put there meanwhile."""
        there = sorted(
            (running.ends, len(part.devices))
            for running in self.running.values()
            for part in running.parts
            if part.node == node
        )
        devices = self.nodes[node].devices
        free = len(devices) - sum(count for _, count in there)
        for ends, count in [(0, 0), *there]:
            free += count
            if free >= need.count(devices[0].traits.kind):
                return ends
        raise AssertionError(f"node {node} can never take what it is kept for")

    def _measure(self) -> None:
        for kind in (GPU, CPU):
            held: Counter[int] = Counter()
            for running in self.running.values():
                if self.traits[running.devices[0]].kind == kind:
                    held[running.job.run.project] += len(running.devices)
            wanted = held.copy()
            for job in self.waiting.values():
                if job.run.need.kinds[0] == kind:
                    wanted[job.run.project] += job.run.need.devices
            allowed = sum(
                min(count, self.quotas[project] or count) for project, count in wanted.items()
            )
            devices = sum(traits.kind == kind for traits in self.traits.values())
            self.report.used += held.total()
            self.report.ideal += min(devices, allowed)
