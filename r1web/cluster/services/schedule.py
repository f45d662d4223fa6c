"""Places queued runs on free devices: by priority, then age; all a run needs, or none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from r1web.cluster import queue
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.selectors import reachable_nodes
from r1web.live.services import publish_runs
from r1web.runs.models import Attempt, Run, State
from r1web.runs.services import transition

ACTOR = "scheduler"
NO_NODE = "No node is connected: start a worker."
ALL_CORDONED = "Every connected node is cordoned."


@dataclass(frozen=True)
class Need:
    """What a run asks for."""

    processes: int
    device: str
    """auto, cpu or cuda."""

    @classmethod
    def of(cls, run: Run) -> "Need":
        hardware = run.config.get("hardware", {})
        return cls(hardware.get("processes", 1), hardware.get("device", "auto"))

    def kinds(self) -> list[Device.Kind]:
        """The kinds of device it can use, the better one first."""
        both = {
            "auto": [Device.Kind.GPU, Device.Kind.CPU],
            "cuda": [Device.Kind.GPU],
            "cpu": [Device.Kind.CPU],
        }
        return both[self.device]

    def count(self, kind: Device.Kind) -> int:
        """One GPU a process; on a CPU node one slot, whatever the processes."""
        return self.processes if kind == Device.Kind.GPU else 1


@dataclass
class Machine:
    """A node with what is still to be had on it in this round."""

    node: Node
    devices: list[Device]
    free: list[Device]
    held_back: bool = False
    """A run that goes first waits for it: later ones do not slip in before."""

    def fits(self, need: Need, devices: Sequence[Device]) -> list[Device]:
        """Those of `devices` that the run would take; none when they are too few."""
        for kind in need.kinds():
            of_kind = [device for device in devices if device.kind == kind]
            if len(of_kind) >= need.count(kind):
                return of_kind[: need.count(kind)]
        return []


def schedule() -> list[Attempt]:
    """Start what can start; keep the reason of what waits up to date. The attempts opened.

    An empty queue is only looked at: an idle installation takes no lock.
    """
    return _place_all() if _waiting().exists() else []


@transaction.atomic
def _place_all() -> list[Attempt]:
    """Locks the nodes, so of two schedulers one waits and then sees what the other has leased."""
    connected = list(reachable_nodes().select_for_update().order_by("pk"))
    machines = _machines([node for node in connected if not node.cordoned])
    opened = []
    for run in _waiting().select_for_update().order_by("-priority", "queued_at", "pk"):
        need = Need.of(run)
        place = _best_place(need, machines)
        if place is None:
            _explain(run, _why_not(need, machines, connected))
            continue
        machine, devices = place
        machine.free = [device for device in machine.free if device not in devices]
        opened.append(_open_attempt(run, machine.node, devices))
    return opened


def _waiting() -> QuerySet[Run]:
    due = Q(resume_at=None) | Q(resume_at__lte=timezone.now())
    return Run.objects.filter(due, state=State.QUEUED, deleted_at=None)


def _machines(nodes: Iterable[Node]) -> list[Machine]:
    by_key = {node.pk: Machine(node, [], []) for node in nodes}
    taken = set(Lease.objects.filter(released_at=None).values_list("device_id", flat=True))
    for device in Device.objects.filter(node__in=by_key).order_by("node_id", "index"):
        machine = by_key[device.node_id]
        machine.devices.append(device)
        if device.pk not in taken:
            machine.free.append(device)
    return list(by_key.values())


def _best_place(need: Need, machines: Iterable[Machine]) -> tuple[Machine, list[Device]] | None:
    """The devices to take: the better kind first, and of those the node it fills most."""
    places = [
        (machine, devices)
        for machine in machines
        if not machine.held_back and (devices := machine.fits(need, machine.free))
    ]
    kinds = need.kinds()
    return min(
        places,
        key=lambda place: (kinds.index(Device.Kind(place[1][0].kind)), len(place[0].free)),
        default=None,
    )


def _open_attempt(run: Run, node: Node, devices: Iterable[Device]) -> Attempt:
    earlier = run.attempts.order_by("-number").first()
    checkpoint = run.resume_checkpoint
    attempt = Attempt.objects.create(
        run=run,
        number=earlier.number + 1 if earlier else 1,
        node=node,
        checkpoint=checkpoint,
        start_step=checkpoint.step if checkpoint else 0,
        journal_seq=earlier.journal_seq if earlier else 0,
        journal_offset=earlier.journal_offset if earlier else 0,
    )
    Lease.objects.bulk_create(Lease(device=device, attempt=attempt) for device in devices)
    reason = f"Starts on {node.name}."
    transition(run=run, to=State.STARTING, reason=reason, actor=ACTOR, attempt=attempt)
    queue.launch(attempt.pk, node.queue)
    return attempt


def _explain(run: Run, reason: str) -> None:
    if run.reason == reason:
        return
    Run.objects.filter(pk=run.pk).update(reason=reason)
    transaction.on_commit(lambda: publish_runs([run.pk]))


def _why_not(need: Need, machines: Sequence[Machine], connected: Sequence[Node]) -> str:
    """Why a run has to wait, in a sentence; holds back the nodes that it waits for."""
    able = [machine for machine in machines if machine.fits(need, machine.devices)]
    for machine in able:
        machine.held_back = True
    if able:
        names = [machine.node.name for machine in able]
        return f"Waiting for a free device on {' or '.join(names[:3])}."
    if not connected:
        return NO_NODE
    if not machines:
        return ALL_CORDONED
    if need.device == "cpu":
        return "Needs a CPU slot, but no connected node offers one."
    return _too_few_gpus(need, machines)


def _too_few_gpus(need: Need, machines: Iterable[Machine]) -> str:
    largest = max(
        sum(device.kind == Device.Kind.GPU for device in machine.devices) for machine in machines
    )
    needs = "a GPU" if need.processes == 1 else f"{need.processes} GPUs"
    has = f"the largest node has {largest}" if largest else "no connected node has one"
    return f"Needs {needs}, but {has}."
