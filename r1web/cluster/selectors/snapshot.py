"""What a plan is made from, in six queries, however long the queue is."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from r1web.accounts.models import Project
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.planning import (
    DeviceView,
    Holding,
    Need,
    NodeView,
    ProjectView,
    QueuedRun,
    Snapshot,
    Traits,
)
from r1web.cluster.selectors.nodes import node_state
from r1web.runs.models import Desired, Run, State
from r1web.runs.pace import seconds_left

RECENT = timedelta(hours=24)
"""Device-seconds of so long ago still count in the turns that projects take."""
QUEUED_FIELDS = ("pk", "project_id", "priority", "queued_at", "reserved_nodes", "reason")
HOLDER_FIELDS = {
    "run": "attempt__run_id",
    "project": "attempt__run__project_id",
    "priority": "attempt__run__priority",
    "preemptible": "attempt__run__preemptible",
    "state": "attempt__run__state",
    "desired": "attempt__run__desired",
    "last_step": "attempt__run__last_step",
    "total_steps": "attempt__run__total_steps",
    "start_step": "attempt__start_step",
    "started_at": "attempt__started_at",
    "device": "device_id",
    "node": "device__node_id",
    "since": "created_at",
}


def queued_runs() -> QuerySet[Run]:
    """Without those that are paused, or wait a while before they go on by themselves."""
    due = Q(resume_at=None) | Q(resume_at__lte=timezone.now())
    return Run.objects.filter(due, state=State.QUEUED, paused="", deleted_at=None)


def snapshot(nodes: Iterable[Node]) -> Snapshot:
    """The queue as it is now, over `nodes`: all that are registered, locked by who writes."""
    now = timezone.now()
    return Snapshot(
        runs=_queue(), nodes=_nodes(nodes), holdings=_holdings(now), projects=_projects(now)
    )


def _queue() -> list[QueuedRun]:
    # Only one table of each config, as text: five thousand whole ones would be tens of megabytes.
    rows = queued_runs().values_list(*QUEUED_FIELDS, KT("config__hardware"))
    needs: dict[str, Need] = {}
    return [
        QueuedRun(
            key=key,
            project=project,
            need=_need(hardware or "{}", needs),
            priority=priority,
            queued_at=queued_at.timestamp(),
            reserved_nodes=tuple(reserved),
            reason=reason,
        )
        for key, project, priority, queued_at, reserved, reason, hardware in rows
    ]


def _need(hardware: str, known: dict[str, Need]) -> Need:
    """Equal tables, as JSON, give one Need: the plan looks them up by the thousand."""
    if hardware not in known:
        known[hardware] = Need.of(json.loads(hardware))
    return known[hardware]


def _nodes(nodes: Iterable[Node]) -> list[NodeView]:
    by_node: dict[int, list[DeviceView]] = defaultdict(list)
    for device in Device.objects.order_by("node_id", "kind", "index"):
        traits = Traits(device.kind, device.model, device.memory_bytes, device.native_fp8)
        by_node[device.node_id].append(DeviceView(device.pk, traits))
    return [
        NodeView(
            key=node.pk,
            name=node.name,
            devices=by_node[node.pk],
            labels=frozenset(node.labels),
            state=node_state(node),
            site=node.queue if node.is_elsewhere else "",
        )
        for node in nodes
    ]


def _holdings(now: datetime) -> list[Holding]:
    """Who holds what of each node; a run may still hold a device that its node has lost."""
    leases = Lease.objects.filter(released_at=None).exclude(device=None)
    by_part: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for row in leases.values_list(*HOLDER_FIELDS.values()):
        holder = dict(zip(HOLDER_FIELDS, row, strict=True))
        by_part[holder["run"], holder["node"]].append(holder)
    return [_holding(part, now) for part in by_part.values()]


def _holding(leases: list[dict[str, Any]], now: datetime) -> Holding:
    run = leases[0]
    wanted = run["desired"] == Desired.RUNNING and run["state"] != State.STOPPING
    return Holding(
        run=run["run"],
        project=run["project"],
        node=run["node"],
        devices=[lease["device"] for lease in leases],
        priority=run["priority"],
        # One that is not heard cannot be asked to save.
        preemptible=run["preemptible"] and run["state"] in (State.STARTING, State.RUNNING),
        leaving=not wanted and run["state"] != State.LOST,
        since=run["since"].timestamp(),
        ends_in_s=_ends_in(run, now),
    )


def _ends_in(run: dict[str, Any], now: datetime) -> float | None:
    if run["state"] != State.RUNNING or run["started_at"] is None:
        return None
    return seconds_left(
        done=run["last_step"] - run["start_step"],
        to_do=run["total_steps"] - run["last_step"],
        spent_s=(now - run["started_at"]).total_seconds(),
    )


def _projects(now: datetime) -> list[ProjectView]:
    recent = _recent_device_s(now)
    rows = Project.objects.values_list("pk", "name", "device_quota")
    return [ProjectView(key, name, quota, recent[key]) for key, name, quota in rows]


def _recent_device_s(now: datetime) -> dict[int, float]:
    """By project. In whole minutes: a plan does not turn over because a second has passed."""
    begin = now - RECENT
    leases = Lease.objects.filter(Q(released_at=None) | Q(released_at__gt=begin))
    rows = leases.values_list("attempt__run__project_id", "created_at", "released_at")
    found: dict[int, float] = defaultdict(float)
    for project, created, released in rows:
        found[project] += ((released or now) - max(created, begin)).total_seconds()
    return defaultdict(float, {key: seconds // 60 * 60 for key, seconds in found.items()})
