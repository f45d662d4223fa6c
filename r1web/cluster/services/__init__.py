"""What is done to nodes and attempts."""

from r1web.cluster.services.attempts import (
    claim,
    end_attempt,
    heard,
    of_rank,
)
from r1web.cluster.services.followers import claim_follower, end_follower, follower_heard
from r1web.cluster.services.given_up import finished_after_all, is_last, settle
from r1web.cluster.services.jobs import look_after
from r1web.cluster.services.nodes import (
    beat,
    checked_labels,
    cordon,
    drain,
    label,
    node_queue,
    register_nodes,
)
from r1web.cluster.services.reconcile import adopt, reconcile
from r1web.cluster.services.schedule import schedule
from r1web.cluster.services.submitting import (
    example,
    missing_rights,
    preview,
    submit,
    try_out,
)
from r1web.cluster.services.supervising import start_supervisor

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
    "example",
    "finished_after_all",
    "follower_heard",
    "heard",
    "is_last",
    "label",
    "look_after",
    "missing_rights",
    "node_queue",
    "of_rank",
    "preview",
    "reconcile",
    "register_nodes",
    "schedule",
    "settle",
    "start_supervisor",
    "submit",
    "try_out",
]
