"""Opens attempts: all that one needs, on one or more nodes, or nothing."""

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils import timezone

from r1web.cluster import queue
from r1web.cluster.models import Follower, Lease, Node, PortLease
from r1web.cluster.planning import Placement
from r1web.cluster.selectors import queued_runs
from r1web.ledger import services as ledger
from r1web.runs.models import Attempt, Run, State
from r1web.runs.services import transition

ACTOR = "scheduler"
PORTS = 500
"""Ports of a node that are leased, from R1WEB_RENDEZVOUS_PORT on."""


def open_attempt(*, placement: Placement, nodes: Mapping[int, Node]) -> Attempt | None:
    """Lease what the placement says and have every node of it told; call it with these locked.

    None when the run was stopped or deleted since the queue was read.
    """
    waiting = queued_runs().select_for_update(of=("self",), no_key=True)
    run = waiting.filter(pk=placement.run).first()
    if run is None:
        return None
    leading, *further = (nodes[part.node] for part in placement.parts)
    attempt = _next_attempt(run, leading)
    Lease.objects.bulk_create(
        Lease(device_id=device, attempt=attempt) for device in placement.devices
    )
    followers = [
        Follower.objects.create(attempt=attempt, node=node, node_rank=rank)
        for rank, node in enumerate(further, 1)
    ]
    if not leading.is_elsewhere:  # a job uses nothing before it runs
        ledger.begin(attempt=attempt, since=timezone.now())
    if followers:
        _lease_port(attempt, leading)
    reason = f"Starts on {_names([leading, *further])}."
    transition(run=run, to=State.STARTING, reason=reason, actor=ACTOR, attempt=attempt)
    queue.launch(attempt.pk, leading.queue)
    for follower, node in zip(followers, further, strict=True):
        if not node.is_elsewhere:  # a job is one for all its nodes
            queue.join(follower.pk, node.queue)
    return attempt


def _next_attempt(run: Run, node: Node) -> Attempt:
    earlier = run.attempts.order_by("-number").first()
    checkpoint = run.resume_checkpoint
    return Attempt.objects.create(
        run=run,
        number=earlier.number + 1 if earlier else 1,
        node=node,
        checkpoint=checkpoint,
        start_step=checkpoint.step if checkpoint else 0,
        journal_seq=earlier.journal_seq if earlier else 0,
        journal_offset=earlier.journal_offset if earlier else 0,
    )


def _lease_port(attempt: Attempt, node: Node) -> None:
    """Not the one of the attempt before, which something else on the node may hold."""
    taken = set(node.port_leases.filter(released_at=None).values_list("port", flat=True))
    first = settings.R1WEB_RENDEZVOUS_PORT
    ports = (first + (attempt.pk + offset) % PORTS for offset in range(PORTS))
    port = next(port for port in ports if port not in taken)
    PortLease.objects.create(attempt=attempt, node=node, port=port)


def _names(nodes: Sequence[Node]) -> str:
    if len(nodes) > 3:
        return f"{nodes[0].name} and {len(nodes) - 1} more nodes"
    *most, last = (node.name for node in nodes)
    return f"{', '.join(most)} and {last}" if most else last
