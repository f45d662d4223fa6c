"""Reads nodes, their devices and who holds them."""

from datetime import timedelta

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from r1web.accounts.models import User
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.planning import NodeState
from r1web.errors import NotFoundError
from r1web.runs.models import ACTIVE, Run

UNREACHABLE_AFTER = timedelta(seconds=20)


def nodes() -> QuerySet[Node]:
    """All nodes with devices and open leases, in four queries."""
    leases = Lease.objects.filter(released_at=None).select_related("attempt__run")
    devices = Device.objects.prefetch_related(Prefetch("leases", leases, to_attr="open_leases"))
    return Node.objects.prefetch_related(Prefetch("devices", devices))


def node(node_id: int) -> Node:
    found = nodes().filter(pk=node_id).first()
    if found is None:
        raise NotFoundError(f"There is no node {node_id}.")
    return found


def open_leases(device: Device) -> list[Lease]:
    """At most one; of a device that came from `nodes()`."""
    leases: list[Lease] = getattr(device, "open_leases")  # noqa: B009 - set by Prefetch, not a field
    return leases


def node_state(node: Node) -> NodeState:
    """Derived, never stored: a node that is silent cannot say so."""
    if node.heartbeat_at < timezone.now() - UNREACHABLE_AFTER:
        return "unreachable"
    return "cordoned" if node.cordoned else "ready"


def shown_state(node: Node) -> str:
    """What people see: also whether a cordoned node still has runs; `node` is from `nodes()`."""
    state = node_state(node)
    busy = any(open_leases(device) for device in node.devices.all())
    return "draining" if state == "cordoned" and busy else state


def reachable_nodes() -> QuerySet[Node]:
    return Node.objects.filter(heartbeat_at__gte=timezone.now() - UNREACHABLE_AFTER)


def queues_of(nodes: QuerySet[Node]) -> list[str]:
    """Each once: nodes that stand for a site's own system share their worker's."""
    return sorted(set(nodes.values_list("queue", flat=True)))


def visible_run_ids(user: User) -> set[int]:
    """Active runs of the user's projects."""
    active = Run.objects.filter(state__in=ACTIVE, project__memberships__user=user)
    return set(active.values_list("pk", flat=True))
