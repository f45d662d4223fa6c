"""What is done to nodes and attempts."""

from r1web.cluster.services.attempts import claim, end_attempt, heard, start_supervisor
from r1web.cluster.services.nodes import (
    beat,
    checked_labels,
    cordon,
    drain,
    label,
    node_queue,
    register_node,
)
from r1web.cluster.services.reconcile import adopt, reconcile
from r1web.cluster.services.schedule import schedule

__all__ = [
    "adopt",
    "beat",
    "checked_labels",
    "claim",
    "cordon",
    "drain",
    "end_attempt",
    "heard",
    "label",
    "node_queue",
    "reconcile",
    "register_node",
    "schedule",
    "start_supervisor",
]
