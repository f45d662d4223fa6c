"""GET /nodes, PATCH /nodes/{id}: the machines, what they have, and what runs on them."""

from datetime import datetime
from typing import Any

from ninja import Field, Router, Schema

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.cluster import selectors, services
from r1web.cluster.models import Device, Lease, Node
from r1web.errors import ForbiddenError

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
    state: str = Field(description="ready, cordoned (takes nothing new) or unreachable.")
    address: str
    cpus: int
    memory_bytes: int
    disk_free_bytes: int
    load: LoadOut
    versions: dict[str, str]
    cordoned: bool
    price_per_device_hour: float = Field(description="US dollars.")
    registered_at: datetime
    heartbeat_at: datetime
    devices: list[DeviceOut]


class NodeList(Schema):
    items: list[NodeOut]
    next_cursor: str | None


class NodePatch(Schema, extra="forbid"):
    cordoned: bool


@router.get("/nodes", response={200: NodeList, ERRORS: ProblemOut}, summary="The machines")
def get_nodes(request: ApiRequest) -> NodeList:
    """Every node with its devices, what they run, and when it was last heard."""
    seen = selectors.visible_run_ids(request.user)
    return NodeList(items=[_node_out(node, seen) for node in selectors.nodes()], next_cursor=None)


@router.patch(
    "/nodes/{int:node_id}",
    response={200: NodeOut, ERRORS: ProblemOut},
    summary="Cordon a node, or take it back",
)
def patch_node(request: ApiRequest, node_id: int, body: NodePatch) -> NodeOut:
    """A cordoned node finishes what it runs and takes nothing new. For staff."""
    if not request.user.is_staff:
        raise ForbiddenError("Only staff may cordon a node.")
    services.cordon(node_id=node_id, cordoned=body.cordoned)
    return _node_out(selectors.node(node_id), selectors.visible_run_ids(request.user))


def _node_out(node: Node, seen: set[int]) -> NodeOut:
    load: dict[str, Any] = node.load
    return NodeOut(
        id=node.pk,
        name=node.name,
        state=selectors.node_state(node),
        address=node.address,
        cpus=node.cpus,
        memory_bytes=node.memory_bytes,
        disk_free_bytes=node.disk_free_bytes,
        load=LoadOut(**load),
        versions=node.versions,
        cordoned=node.cordoned,
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
