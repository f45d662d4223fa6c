"""When each waiting run will probably start, if nothing comes that goes before it.

A list of times per device: a run takes the devices that are free first, and frees them when it has
run for as long as such runs do. What is not known makes everything behind it unknown, too.
"""

import math
from collections.abc import Iterable, Mapping
from operator import itemgetter

from r1web.cluster.planning.fleet import first_of_one_site
from r1web.cluster.planning.needs import Need
from r1web.cluster.planning.plan import Plan
from r1web.cluster.planning.snapshot import Holding, NodeView, QueuedRun, Snapshot

FreeAt = dict[int, float]
"""Seconds from now until a device is free, by device."""


def estimate_starts(snapshot: Snapshot, plan: Plan, runs: Iterable[int]) -> dict[int, float]:
    """In how many seconds each of `runs` starts; those are left out of which that is not known.

    `runs` are in the order of the queue and without what waits for a quota: nobody can say when
    somebody else's runs will let it go on.
    """
    queued = {run.key: run for run in snapshot.runs}
    kept = {wait.run: wait.reserved_nodes for wait in plan.waits}
    nodes = {node.key: node for node in snapshot.nodes if node.state == "ready"}
    free_at = _now(nodes.values(), snapshot.holdings)
    for placement in plan.placements:
        free_at.update(dict.fromkeys(placement.devices, _lasts(queued[placement.run])))
    starts: dict[int, float] = {}
    for key in runs:
        reserved = kept.get(key)
        choice = {node: nodes[node] for node in reserved} if reserved else nodes
        start = _take(queued[key], choice, free_at)
        if math.isfinite(start):
            starts[key] = start
    return starts


def _now(nodes: Iterable[NodeView], holdings: Iterable[Holding]) -> FreeAt:
    free_at = {device.key: 0.0 for node in nodes for device in node.devices}
    for holding in holdings:
        end = 0.0 if holding.leaving else holding.ends_in_s
        free_at.update(dict.fromkeys(holding.devices, math.inf if end is None else end))
    return free_at


def _take(run: QueuedRun, nodes: Mapping[int, NodeView], free_at: FreeAt) -> float:
    """Book the devices on which the run starts first; when that is."""
    options = (_offer(run.need, kind, nodes.values(), free_at) for kind in run.need.kinds)
    start, devices = min(options, key=itemgetter(0))
    free_at.update(dict.fromkeys(devices, start + _lasts(run)))
    return start


def _offer(
    need: Need, kind: str, nodes: Iterable[NodeView], free_at: FreeAt
) -> tuple[float, list[int]]:
    """When so many nodes as the run needs are free for it, and their devices."""
    able = ((node.site, part) for node in nodes if (part := _part(need, kind, node, free_at)))
    soonest = sorted(able, key=lambda found: found[1][0])
    parts = [part for _, part in first_of_one_site(soonest, need.nodes, itemgetter(0))]
    if not parts:
        return math.inf, []
    return parts[-1][0], [device for _, devices in parts for device in devices]


def _part(need: Need, kind: str, node: NodeView, free_at: FreeAt) -> tuple[float, list[int]] | None:
    if not need.node_labels <= node.labels:
        return None
    able = [
        device.key
        for device in node.devices
        if device.traits.kind == kind and need.accepts(device.traits)
    ]
    count = need.count(kind)
    if len(able) < count:
        return None
    able.sort(key=free_at.__getitem__)
    return free_at[able[count - 1]], able[:count]


def _lasts(run: QueuedRun) -> float:
    return math.inf if run.lasts_s is None else run.lasts_s
