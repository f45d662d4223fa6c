"""A node registers itself and beats; people cordon, drain and label it."""

import re
from collections.abc import Sequence

import psutil
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from r1web.accounts.models import User
from r1web.cluster import hardware, queue
from r1web.cluster.models import Device, Lease, Node
from r1web.errors import InvalidError, NotFoundError
from r1web.runs.models import Run
from r1web.runs.services import request_requeue

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/=-]{0,39}")
LABELS = 20


def node_name() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", settings.R1WEB_NODE_NAME)[:100]


def node_queue() -> str:
    """The queue that only this machine's worker reads."""
    return f"node.{node_name()}"


@transaction.atomic
def register_node() -> Node:
    """This machine as a node, with its GPUs, or CPU slots where it has none."""
    node, _ = Node.objects.update_or_create(
        name=node_name(),
        defaults={
            "queue": node_queue(),
            "address": hardware.address(),
            "cpus": psutil.cpu_count() or 1,
            "memory_bytes": psutil.virtual_memory().total,
            "disk_free_bytes": hardware.disk_free_bytes(settings.R1WEB_HOME),
            "load": hardware.machine_load(),
            "versions": hardware.versions(),
            "heartbeat_at": timezone.now(),
        },
    )
    _register_devices(node)
    return node


def beat(*, node_id: int) -> bool:
    """Note that the node lives, and its load. False when there is no such row any more."""
    updated = Node.objects.filter(pk=node_id).update(
        heartbeat_at=timezone.now(),
        load=hardware.machine_load(),
        disk_free_bytes=hardware.disk_free_bytes(settings.R1WEB_HOME),
    )
    return updated == 1


def cordon(*, node_id: int, cordoned: bool) -> None:
    """Keep new runs off a node, or let them come again. Raises NotFoundError."""
    _update(node_id, cordoned=cordoned)


def label(*, node_id: int, labels: Sequence[str]) -> None:
    """Give a node the labels that runs ask for. Raises InvalidError and NotFoundError."""
    _update(node_id, labels=checked_labels(labels))


@transaction.atomic
def drain(*, node_id: int, actor: User, requeue: bool) -> list[Run]:
    """Cordon a node, and let its runs end by themselves; with `requeue` they save and wait again.

    The runs that were asked to. Raises NotFoundError.
    """
    _update(node_id, cordoned=True)
    if not requeue:
        return []
    there = Run.objects.filter(attempts__node=node_id, attempts__ended_at=None)
    reason = f"Saves and waits for another node: {actor} drains this one."
    return [run for run in there if request_requeue(run=run, actor=actor, reason=reason)]


def checked_labels(labels: Sequence[str]) -> list[str]:
    """In order, without repeats. Raises InvalidError at the field "labels"."""
    for name in labels:
        if not LABEL.fullmatch(name):
            raise InvalidError(
                "A label has 1 to 40 letters, digits and any of . _ / = -, and begins with a "
                f"letter or digit: change “{name[:60]}”.",
                path="labels",
            )
    if len(labels) > LABELS:
        raise InvalidError(f"A node has at most {LABELS} labels.", path="labels")
    return sorted(set(labels))


def _update(node_id: int, **fields: object) -> None:
    if not Node.objects.filter(pk=node_id).update(**fields):
        raise NotFoundError(f"There is no node {node_id}.")
    queue.nudge()


def _register_devices(node: Node) -> None:
    present = [_register_device(node, device).pk for device in _devices(node)]
    # One that vanished while a run holds it stays until the lease has ended.
    held = Lease.objects.filter(released_at=None).values("device_id")
    node.devices.exclude(pk__in=present).exclude(pk__in=held).delete()


def _register_device(node: Node, device: Device) -> Device:
    registered, _ = Device.objects.update_or_create(
        node=node,
        kind=device.kind,
        index=device.index,
        defaults={
            "model": device.model,
            "memory_bytes": device.memory_bytes,
            "native_fp8": device.native_fp8,
        },
    )
    return registered


def _devices(node: Node) -> list[Device]:
    found = [
        Device(
            kind=Device.Kind.GPU,
            index=gpu.index,
            model=gpu.model,
            memory_bytes=gpu.memory_bytes,
            native_fp8=gpu.native_fp8,
        )
        for gpu in hardware.gpus()
    ]
    return found or [
        Device(kind=Device.Kind.CPU, index=index, model="CPU slot", memory_bytes=node.memory_bytes)
        for index in range(settings.R1WEB_CPU_SLOTS)
    ]
