"""What a plan is made from, in seven queries, however long the queue is."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from django.db.models import Min, Q, QuerySet, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
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
from r1web.runs.models import Attempt, Desired, Run, State
from r1web.runs.pace import seconds_left

RECENT = timedelta(hours=24)
"""Device-seconds of so long ago still count in the turns that projects take."""
QUEUED_FIELDS = ("pk", "project_id", "priority", "reason")
HOLDER_FIELDS = (
    "pk", "start_step", "started_at", "run_id", "run__project_id", "run__priority",
    "run__preemptible", "run__state", "run__desired", "run__last_step", "run__total_steps",
)  # fmt: skip


def queued_runs() -> QuerySet[Run]:
    """Without those that are paused, or wait a while before they go on by themselves."""
    return _waiting().filter(Q(resume_at=None) | Q(resume_at__lte=timezone.now()))


def resuming_runs() -> QuerySet[Run]:
    """Those that wait a while before they go on by themselves, the next one first."""
    return _waiting().filter(resume_at__gt=timezone.now()).order_by("resume_at", "pk")


def _waiting() -> QuerySet[Run]:
    return Run.objects.filter(state=State.QUEUED, paused="", deleted_at=None)


def snapshot(nodes: Iterable[Node]) -> Snapshot:
    """The queue as it is now, over `nodes`: all that are registered, locked by who writes."""
    now = timezone.now()
    holdings = _holdings(now)
    return Snapshot(
        runs=_queue(), nodes=_nodes(nodes), holdings=holdings, projects=_projects(now, holdings)
    )


def _queue() -> list[QueuedRun]:
    # Rows by the thousand: of the config one table, as text, and of the times only their order.
    texts = (KT("config__hardware"), Cast("reserved_nodes", TextField()))
    rows = queued_runs().order_by("queued_at", "pk").values_list(*QUEUED_FIELDS, *texts)
    return [
        QueuedRun(
            key=key,
            project=project,
            need=_need(hardware or "{}"),
            priority=priority,
            queued_at=place,
            reserved_nodes=_kept(reserved),
            reason=reason,
        )
        for place, (key, project, priority, reason, hardware, reserved) in enumerate(rows)
    ]


@lru_cache(maxsize=4096)
def _need(hardware: str) -> Need:
    """Equal tables, as JSON, give one Need: the plan looks them up by the thousand."""
    return Need.of(json.loads(hardware))


@lru_cache(maxsize=4096)
def _kept(nodes: str) -> tuple[int, ...]:
    return tuple(json.loads(nodes))


_traits = lru_cache(maxsize=4096)(Traits)


def _nodes(nodes: Iterable[Node]) -> list[NodeView]:
    by_node: dict[int, list[DeviceView]] = defaultdict(list)
    rows = Device.objects.order_by("node_id", "kind", "index").values_list(
        "node_id", "pk", "kind", "model", "memory_bytes", "native_fp8"
    )
    for node_id, key, *traits in rows:
        by_node[node_id].append(DeviceView(key, _traits(*traits)))
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


class _Holder(NamedTuple):
    """An attempt that holds devices, and its run."""

    attempt: int
    start_step: int
    started_at: datetime | None
    run: int
    project: int
    priority: int
    preemptible: bool
    state: str
    desired: str
    last_step: int
    total_steps: int
    since: datetime

    @property
    def leaving(self) -> bool:
        wanted = self.desired == Desired.RUNNING and self.state != State.STOPPING
        return not wanted and self.state != State.LOST


def _holdings(now: datetime) -> list[Holding]:
    """Who holds what of each node; a run may still hold a device that its node has lost."""
    held = {"leases__released_at": None, "leases__device__isnull": False}
    attempts = Attempt.objects.order_by().filter(**held).annotate(since=Min("leases__created_at"))
    holders = {row[0]: _Holder(*row) for row in attempts.values_list(*HOLDER_FIELDS, "since")}
    leases = Lease.objects.filter(released_at=None).exclude(device=None)
    parts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for attempt, node, device in leases.values_list("attempt_id", "device__node_id", "device_id"):
        parts[attempt, node].append(device)
    return [
        _holding(holders[attempt], node, devices, now)
        for (attempt, node), devices in parts.items()
        if attempt in holders
    ]


def _holding(holder: _Holder, node: int, devices: list[int], now: datetime) -> Holding:
    return Holding(
        run=holder.run,
        project=holder.project,
        node=node,
        devices=devices,
        priority=holder.priority,
        # One that is not heard cannot be asked to save.
        preemptible=holder.preemptible and holder.state in (State.STARTING, State.RUNNING),
        leaving=holder.leaving,
        since=holder.since.timestamp(),
        ends_in_s=_ends_in(holder, now),
    )


def _ends_in(holder: _Holder, now: datetime) -> float | None:
    if holder.state != State.RUNNING or holder.started_at is None:
        return None
    return seconds_left(
        done=holder.last_step - holder.start_step,
        to_do=holder.total_steps - holder.last_step,
        spent_s=(now - holder.started_at).total_seconds(),
    )


def _projects(now: datetime, holdings: Iterable[Holding]) -> list[ProjectView]:
    recent = _recent_device_s(now, holdings)
    rows = Project.objects.values_list("pk", "name", "device_quota")
    return [ProjectView(key, name, quota, recent[key]) for key, name, quota in rows]


def _recent_device_s(now: datetime, holdings: Iterable[Holding]) -> dict[int, float]:
    """By project. In whole minutes: a plan does not turn over because a second has passed."""
    begin = now - RECENT
    ended = Lease.objects.filter(released_at__gt=begin)
    rows = ended.values_list("attempt__run__project_id", "created_at", "released_at")
    found: dict[int, float] = defaultdict(float)
    for project, created, released in rows:
        found[project] += ((released or now) - max(created, begin)).total_seconds()
    for held in holdings:
        held_s = now.timestamp() - max(held.since, begin.timestamp())
        found[held.project] += len(held.devices) * held_s
    return defaultdict(float, {key: seconds // 60 * 60 for key, seconds in found.items()})
