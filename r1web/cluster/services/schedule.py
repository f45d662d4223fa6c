"""Carries a plan out: opens attempts, keeps the reasons up to date, asks for room.

What is decided, and why, is in r1web/cluster/planning.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import transaction

from r1web.cluster.models import Node
from r1web.cluster.planning import QueuedRun, Wait, make_plan
from r1web.cluster.selectors import queued_runs, snapshot
from r1web.cluster.services.opening import ACTOR, open_attempt
from r1web.live.services import publish_runs
from r1web.runs.models import Attempt, Run
from r1web.runs.services import request_requeue

BATCH = 500


def schedule() -> list[Attempt]:
    """Start what can start; keep the reason of what waits up to date. The attempts opened.

    An empty queue is only looked at: an idle installation takes no lock.
    """
    return _schedule() if queued_runs().exists() else []


@transaction.atomic
def _schedule() -> list[Attempt]:
    """Locks the nodes, so of two schedulers one waits and then sees what the other has leased."""
    rows = Node.objects.select_for_update().defer("load", "versions").order_by("pk")
    nodes = {node.pk: node for node in rows}
    seen = snapshot(nodes.values())
    plan = make_plan(seen)
    opened = [open_attempt(placement=placement, nodes=nodes) for placement in plan.placements]
    _write_down(plan.waits, seen.runs)
    for run in Run.objects.filter(pk__in=plan.preempted):
        request_requeue(run=run, actor=ACTOR, reason="Makes room for a run of higher priority.")
    return [attempt for attempt in opened if attempt is not None]


def _write_down(waits: Iterable[Wait], runs: Iterable[QueuedRun]) -> None:
    """Store why each waits and what is kept for it; a queue that does not move is not written."""
    stored = {run.key: (run.reason, run.reserved_nodes) for run in runs}
    changed: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for wait in waits:
        if stored[wait.run] != (wait.reason, wait.reserved_nodes):
            changed[wait.reason, wait.reserved_nodes].append(wait.run)
    for (reason, kept), waiting in changed.items():
        for start in range(0, len(waiting), BATCH):
            _explain(waiting[start : start + BATCH], reason, kept)


def _explain(runs: Sequence[int], reason: str, kept: Sequence[int]) -> None:
    queued_runs().filter(pk__in=runs).update(reason=reason, reserved_nodes=list(kept))
    transaction.on_commit(lambda: publish_runs(runs))
