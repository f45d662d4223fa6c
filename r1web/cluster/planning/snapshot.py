"""What is known when a plan is made: the queue, the nodes, who holds what, the projects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from r1web.cluster.planning.needs import Need, Traits

NodeState = Literal["ready", "cordoned", "unreachable"]


@dataclass(frozen=True, slots=True)
class DeviceView:
    key: int
    traits: Traits


@dataclass(frozen=True, slots=True)
class NodeView:
    key: int
    name: str
    devices: Sequence[DeviceView]
    labels: frozenset[str] = frozenset()
    state: NodeState = "ready"
    site: str = ""
    """The parts of a run are all of one site: SLURM and Kubernetes run them as one job."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    key: int
    project: int
    need: Need
    priority: int = 0
    queued_at: float = 0.0
    """Only compared with those of other runs."""
    reserved_nodes: tuple[int, ...] = ()
    """The nodes that an earlier plan keeps for it."""
    reason: str = ""
    """Why it waits, as an earlier plan has it."""
    lasts_s: float | None = None
    """How long it will probably run; only for estimates. None: not known."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A run that holds devices of a node; one on several nodes has a holding on each."""

    run: int
    project: int
    node: int
    devices: Sequence[int]
    priority: int = 0
    preemptible: bool = False
    """It may be sent back to the queue for a run of higher priority."""
    leaving: bool = False
    """It was asked to end and is about to give its devices back."""
    since: float = 0.0
    ends_in_s: float | None = None
    """At its present pace; None: not known."""


@dataclass(frozen=True, slots=True)
class ProjectView:
    key: int
    name: str
    quota: int | None = None
    """Devices it may hold at once; None: as many as there are."""
    recent_device_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    runs: Sequence[QueuedRun]
    nodes: Sequence[NodeView]
    holdings: Sequence[Holding] = ()
    projects: Sequence[ProjectView] = field(default_factory=list)
