"""What is done to nodes and attempts."""

from r1web.cluster.services.attempts import (
    claim,
    end_attempt,
    heard,
    of_rank,
    start_supervisor,
)
from r1web.cluster.services.followers import claim_follower, end_follower, follower_heard
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
    "claim_follower",
    "cordon",
    "drain",
    "end_attempt",
    "end_follower",
    "follower_heard",
    "heard",
    "label",
    "node_queue",
    "of_rank",
    "reconcile",
    "register_node",
    "schedule",
    "start_supervisor",
]
