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
from r1web.settings.submission import Submission

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/=-]{0,39}")
LABELS = 20


def node_name() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", settings.R1WEB_NODE_NAME)[:100]


def node_queue() -> str:
    """The queue that only this machine's worker reads."""
    return f"node.{node_name()}"


@transaction.atomic
def register_nodes() -> list[Node]:
    """This machine as a node, with its GPUs, or CPU slots where it has none.

    A worker that submits runs elsewhere registers, instead, as many nodes as its settings say.
    """
    submission = settings.R1WEB_SUBMIT
    if submission.to == Node.Kind.MACHINE:
        return [_register(node_name(), _own_devices())]
    names = [f"{node_name()}-{number}" for number in range(1, submission.nodes + 1)]
    return [_register(name, _offered_devices(submission)) for name in names]


def beat(*, node_ids: Sequence[int]) -> bool:
    """Note that the nodes live, and their load. False when one has no row any more."""
    updated = Node.objects.filter(pk__in=node_ids).update(heartbeat_at=timezone.now(), **_state())
    return updated == len(node_ids)


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


def _register(name: str, devices: Sequence[Device]) -> Node:
    submission = settings.R1WEB_SUBMIT
    elsewhere = submission.to != Node.Kind.MACHINE
    described = {
        "kind": submission.to,
        "queue": node_queue(),
        "address": "" if elsewhere else hardware.address(),
        "cpus": submission.cpus_per_node if elsewhere else psutil.cpu_count() or 1,
        "memory_bytes": 0 if elsewhere else psutil.virtual_memory().total,
        "versions": hardware.versions(),
        "heartbeat_at": timezone.now(),
        **_state(),
    }
    labels = [submission.to] if elsewhere else []
    node, _ = Node.objects.update_or_create(
        name=name, defaults=described, create_defaults={**described, "labels": labels}
    )
    _register_devices(node, devices)
    return node


def _state() -> dict[str, object]:
    """What changes with time; how busy machines elsewhere are is not known."""
    elsewhere = settings.R1WEB_SUBMIT.to != Node.Kind.MACHINE
    return {
        "load": {} if elsewhere else hardware.machine_load(),
        "disk_free_bytes": hardware.disk_free_bytes(settings.R1WEB_HOME),
    }


def _register_devices(node: Node, devices: Sequence[Device]) -> None:
    present = [_register_device(node, device).pk for device in devices]
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


def _own_devices() -> list[Device]:
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
    return found or _cpu_slots(psutil.virtual_memory().total)


def _offered_devices(submission: Submission) -> list[Device]:
    """Of one node of SLURM or Kubernetes, as the worker's settings describe it."""
    offered = [
        Device(
            kind=Device.Kind.GPU,
            index=index,
            model=submission.gpu_model,
            memory_bytes=submission.gpu_memory_gb * 10**9,
            native_fp8=submission.native_fp8,
        )
        for index in range(submission.gpus_per_node)
    ]
    return offered or _cpu_slots(0)


def _cpu_slots(memory_bytes: int) -> list[Device]:
    return [
        Device(kind=Device.Kind.CPU, index=index, model="CPU slot", memory_bytes=memory_bytes)
        for index in range(settings.R1WEB_CPU_SLOTS)
    ]
