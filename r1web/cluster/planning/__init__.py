"""Decides which queued run gets which devices. Pure: a Snapshot goes in, a Plan comes out.

Nothing here knows Django, so that ten thousand runs can be planned in a test without a database.
The rules are told in docs/scheduling.md.
"""

from r1web.cluster.planning.estimate import estimate_starts
from r1web.cluster.planning.needs import CPU, GPU, Need, Traits
from r1web.cluster.planning.order import in_order
from r1web.cluster.planning.plan import Part, Placement, Plan, Wait, make_plan
from r1web.cluster.planning.snapshot import (
    DeviceView,
    Holding,
    NodeState,
    NodeView,
    ProjectView,
    QueuedRun,
    Snapshot,
)

__all__ = [
    "CPU",
    "GPU",
    "DeviceView",
    "Holding",
    "Need",
    "NodeState",
    "NodeView",
    "Part",
    "Placement",
    "Plan",
    "ProjectView",
    "QueuedRun",
    "Snapshot",
    "Traits",
    "Wait",
    "estimate_starts",
    "in_order",
    "make_plan",
]
