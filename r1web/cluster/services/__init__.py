"""What is done to nodes and attempts."""

from r1web.cluster.services.attempts import claim, end_attempt, heard, start_supervisor
from r1web.cluster.services.nodes import beat, cordon, node_queue, register_node
from r1web.cluster.services.reconcile import adopt, reconcile
from r1web.cluster.services.schedule import schedule

__all__ = [
    "adopt",
    "beat",
    "claim",
    "cordon",
    "end_attempt",
    "heard",
    "node_queue",
    "reconcile",
    "register_node",
    "schedule",
    "start_supervisor",
]
