"""/queue: what waits and why. /nodes: the machines, what runs on them, taking them out of use."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Query, Router, Schema

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import decode_cursor, encode_cursor
from r1web.cluster import selectors, services
from r1web.cluster.models import Device, Lease, Node
from r1web.errors import ForbiddenError
from r1web.runs.models import Run

router = Router(tags=["nodes"])


class LeaseOut(Schema):
    """Which run holds a device; `run` and `name` are null when you may not see that run."""

    run: int | None
    name: str | None
    attempt: int | None
    since: datetime


class DeviceOut(Schema):
    id: int
    kind: str = Field(description="cpu or gpu.")
    index: int
    model: str
    memory_bytes: int
    native_fp8: bool
    lease: LeaseOut | None


class GpuLoadOut(Schema):
    index: int
    utilization_percent: float
    memory_used_bytes: int
    memory_bytes: int
    temperature_c: float | None = None


class LoadOut(Schema):
    """As of the last heartbeat."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    memory_used_bytes: int | None = None
    gpus: list[GpuLoadOut] = []


class NodeOut(Schema):
    id: int
    name: str
    kind: str = Field(
        description="machine, or slurm or kubernetes: room for one machine's part of a run there."
    )
    state: str = Field(
        description="ready, draining (takes nothing new, runs still end there), cordoned (nothing "
        "new, nothing runs) or unreachable."
    )
    address: str
    cpus: int
    memory_bytes: int
    disk_free_bytes: int
    load: LoadOut
    versions: dict[str, str]
    cordoned: bool
    labels: list[str] = Field(description="Words that a run asks for by hardware.node_labels.")
    price_per_device_hour: float = Field(description="US dollars.")
    registered_at: datetime
    heartbeat_at: datetime
    devices: list[DeviceOut]


class NodeList(Schema):
    items: list[NodeOut]
    next_cursor: str | None


class NodePatch(Schema, extra="forbid"):
    cordoned: bool | None = None
    labels: list[str] | None = None


class DrainIn(Schema, extra="forbid"):
    requeue: bool = Field(
        default=False, description="Runs on it save and go back into the queue, keeping their age."
    )


class QueuedRunOut(Schema):
    run: int
    name: str
    project: str = Field(description="Slug of the project.")
    owner: str
    priority: int
    preemptible: bool
    position: int = Field(description="In the whole queue, from 1; runs of others count too.")
    devices: int = Field(description="That it asks for, on all its nodes together.")
    nodes: int = Field(description="Over which the devices are spread evenly.")
    kept_nodes: list[str] = Field(
        description="Nodes on which nothing else starts before it has: it is first in line."
    )
    reason: str = Field(description="Why it waits.")
    possible: bool = Field(description="False: as things are it can never start.")
    starts_in_s: float | None = Field(
        description="An estimate, if nothing comes that goes before it; null: it cannot be told."
    )
    queued_at: datetime
    may_change: bool


class ResumingRunOut(Schema):
    """A run that ended early and goes on by itself after a pause; then it joins the queue."""

    run: int
    name: str
    project: str = Field(description="Slug of the project.")
    owner: str
    reason: str = Field(description="What ended it, and from which step it goes on.")
    resume_at: datetime


class ProjectUseOut(Schema):
    slug: str
    name: str
    devices_held: int
    device_quota: int | None


class QueueOut(Schema):
    """`items` are those that you may see; `length` counts everybody's."""

    items: list[QueuedRunOut]
    next_cursor: str | None
    length: int
    resuming: list[ResumingRunOut] = Field(
        description="Yours that pause before they go on by themselves, the next one first."
    )
    projects: list[ProjectUseOut] = Field(description="Yours, and what their runs hold now.")


@router.get("/queue", response={200: QueueOut, ERRORS: ProblemOut}, summary="What waits")
def get_queue(
    request: ApiRequest,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> QueueOut:
    """The waiting runs in the order in which they are looked at, why each waits, and how long."""
    queue = selectors.queue_for(request.user, after=_place(cursor), limit=limit)
    return QueueOut(
        items=[_queued_out(line) for line in queue.lines],
        next_cursor=encode_cursor(queue.end) if queue.end else None,
        length=queue.length,
        resuming=[_resuming_out(run) for run in queue.resuming],
        projects=[
            ProjectUseOut(
                slug=use.project.slug,
                name=use.project.name,
                devices_held=use.devices_held,
                device_quota=use.project.device_quota,
            )
            for use in queue.projects
        ],
    )


def _place(cursor: str | None) -> selectors.Place | None:
    return None if cursor is None else selectors.Place(*decode_cursor(cursor, (int, int)))


def _queued_out(line: selectors.QueuedLine) -> QueuedRunOut:
    run = line.run
    return QueuedRunOut(
        run=run.pk,
        name=run.name,
        project=run.project.slug,
        owner=run.owner.username,
        priority=run.priority,
        preemptible=run.preemptible,
        position=line.position,
        devices=line.devices,
        nodes=line.nodes,
        kept_nodes=line.kept,
        reason=line.reason,
        possible=line.possible,
        starts_in_s=line.starts_in_s,
        queued_at=run.queued_at,
        may_change=line.may_change,
    )


def _resuming_out(run: Run) -> ResumingRunOut:
    assert run.resume_at is not None  # noqa: S101 - it is what they were chosen by
    return ResumingRunOut(
        run=run.pk,
        name=run.name,
        project=run.project.slug,
        owner=run.owner.username,
        reason=run.reason,
        resume_at=run.resume_at,
    )


@router.get("/nodes", response={200: NodeList, ERRORS: ProblemOut}, summary="The machines")
def get_nodes(request: ApiRequest) -> NodeList:
    """Every node with its devices, what they run, and when it was last heard."""
    seen = selectors.visible_run_ids(request.user)
    return NodeList(items=[_node_out(node, seen) for node in selectors.nodes()], next_cursor=None)


@router.patch(
    "/nodes/{int:node_id}",
    response={200: NodeOut, ERRORS: ProblemOut},
    summary="Cordon a node, take it back, or label it",
)
def patch_node(request: ApiRequest, node_id: int, body: NodePatch) -> NodeOut:
    """A cordoned node finishes what it runs and takes nothing new. For staff."""
    _require_staff(request, "change a node")
    if body.labels is not None:
        services.label(node_id=node_id, labels=body.labels)
    if body.cordoned is not None:
        services.cordon(node_id=node_id, cordoned=body.cordoned)
    return _node_out(selectors.node(node_id), selectors.visible_run_ids(request.user))


@router.post(
    "/nodes/{int:node_id}/drain",
    response={200: NodeOut, ERRORS: ProblemOut},
    summary="Drain a node",
)
def drain_node(request: ApiRequest, node_id: int, body: DrainIn | None = None) -> NodeOut:
    """Cordon it, and wait for its runs to end or have them save and queue again. For staff."""
    _require_staff(request, "drain a node")
    services.drain(node_id=node_id, actor=request.user, requeue=body.requeue if body else False)
    return _node_out(selectors.node(node_id), selectors.visible_run_ids(request.user))


def _require_staff(request: ApiRequest, act: str) -> None:
    if not request.user.is_staff:
        raise ForbiddenError(f"Only staff may {act}.")


def _node_out(node: Node, seen: set[int]) -> NodeOut:
    load: dict[str, Any] = node.load
    return NodeOut(
        id=node.pk,
        name=node.name,
        kind=node.kind,
        state=selectors.shown_state(node),
        address=node.address,
        cpus=node.cpus,
        memory_bytes=node.memory_bytes,
        disk_free_bytes=node.disk_free_bytes,
        load=LoadOut(**load),
        versions=node.versions,
        cordoned=node.cordoned,
        labels=node.labels,
        price_per_device_hour=float(node.price_per_device_hour),
        registered_at=node.registered_at,
        heartbeat_at=node.heartbeat_at,
        devices=[_device_out(device, seen) for device in node.devices.all()],
    )


def _device_out(device: Device, seen: set[int]) -> DeviceOut:
    leases = selectors.open_leases(device)
    return DeviceOut(
        id=device.pk,
        kind=device.kind,
        index=device.index,
        model=device.model,
        memory_bytes=device.memory_bytes,
        native_fp8=device.native_fp8,
        lease=_lease_out(leases[0], seen) if leases else None,
    )


def _lease_out(lease: Lease, seen: set[int]) -> LeaseOut:
    run = lease.attempt.run
    known = run.pk in seen
    return LeaseOut(
        run=run.pk if known else None,
        name=run.name if known else None,
        attempt=lease.attempt.number if known else None,
        since=lease.created_at,
    )
