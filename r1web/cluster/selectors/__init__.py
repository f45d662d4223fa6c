"""Reads nodes, their devices and who holds them; and what the scheduler plans with."""

from r1web.cluster.selectors.nodes import (
    node,
    node_state,
    nodes,
    open_leases,
    queues_of,
    reachable_nodes,
    shown_state,
    visible_run_ids,
)
from r1web.cluster.selectors.queue import Place, Queue, QueuedLine, queue_for
from r1web.cluster.selectors.snapshot import queued_runs, snapshot

__all__ = [
    "Place",
    "Queue",
    "QueuedLine",
    "node",
    "node_state",
    "nodes",
    "open_leases",
    "queue_for",
    "queued_runs",
    "queues_of",
    "reachable_nodes",
    "shown_state",
    "snapshot",
    "visible_run_ids",
]
