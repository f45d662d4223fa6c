"""Carries a plan out: opens attempts, keeps the reasons up to date, asks for room.

What is decided, and why, is in r1web/cluster/planning.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction

from r1web.cluster import queue
from r1web.cluster.models import Lease, Node
from r1web.cluster.planning import Placement, QueuedRun, Wait, make_plan
from r1web.cluster.selectors import queued_runs, snapshot
from r1web.live.services import publish_runs
from r1web.runs.models import Attempt, Run, State
from r1web.runs.services import request_requeue, transition

ACTOR = "scheduler"
BATCH = 500


def schedule() -> list[Attempt]:
    """Start what can start; keep the reason of what waits up to date. The attempts opened.

    An empty queue is only looked at: an idle installation takes no lock.
    """
    return _schedule() if queued_runs().exists() else []


@transaction.atomic
def _schedule() -> list[Attempt]:
    """Locks the nodes, so of two schedulers one waits and then sees what the other has leased."""
    nodes = {node.pk: node for node in Node.objects.select_for_update().order_by("pk")}
    seen = snapshot(nodes.values())
    plan = make_plan(seen)
    opened = [_open_attempt(placement, nodes) for placement in plan.placements]
    _write_down(plan.waits, seen.runs)
    for run in Run.objects.filter(pk__in=plan.preempted):
        request_requeue(run=run, actor=ACTOR, reason="Makes room for a run of higher priority.")
    return [attempt for attempt in opened if attempt is not None]


def _open_attempt(placement: Placement, nodes: Mapping[int, Node]) -> Attempt | None:
    """The attempt belongs to the leading node; its leases are on all of them.

    None when the run was stopped or deleted since the queue was read.
    """
    waiting = queued_runs().select_for_update(of=("self",), no_key=True)
    run = waiting.filter(pk=placement.run).first()
    if run is None:
        return None
    node = nodes[placement.parts[0].node]
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
    Lease.objects.bulk_create(
        Lease(device_id=device, attempt=attempt) for device in placement.devices
    )
    reason = f"Starts on {node.name}."
    transition(run=run, to=State.STARTING, reason=reason, actor=ACTOR, attempt=attempt)
    queue.launch(attempt.pk, node.queue)
    return attempt


def _write_down(waits: Iterable[Wait], runs: Iterable[QueuedRun]) -> None:
    """Store why each waits and what is kept for it; a queue that does not move is not written."""
    stored = {run.key: (run.reason, run.reserved_node) for run in runs}
    changed: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for wait in waits:
        if stored[wait.run] != (wait.reason, wait.reserved_node):
            changed[wait.reason, wait.reserved_node].append(wait.run)
    for (reason, node), waiting in changed.items():
        for start in range(0, len(waiting), BATCH):
            _explain(waiting[start : start + BATCH], reason, node)


def _explain(runs: Sequence[int], reason: str, node: int | None) -> None:
    queued_runs().filter(pk__in=runs).update(reason=reason, reserved_node=node)
    transaction.on_commit(lambda: publish_runs(runs))
