"""Celery's entrances: each calls one service. A worker is a node, see agent.py."""

from celery import shared_task

from r1web.cluster import agent, queue, services
from r1web.cluster.models import Follower
from r1web.logs import about
from r1web.runs.models import Attempt

agent.connect()


@shared_task(name=queue.SCHEDULE)
def schedule() -> None:
    services.schedule()


@shared_task(name=queue.RECONCILE)
def reconcile() -> None:
    services.reconcile()


@shared_task(name=queue.LAUNCH)
def launch(attempt_id: int) -> None:
    """Claim the attempt and start its supervisor, or submit it to where its node stands for.

    A message that comes again finds it claimed.
    """
    with about(attempt=attempt_id):
        if not services.claim(attempt_id=attempt_id):
            return
        attempt = Attempt.objects.select_related("run", "node").get(pk=attempt_id)
        if attempt.node is not None and attempt.node.is_elsewhere:
            services.submit(attempt_id=attempt_id)
        else:
            services.start_supervisor(attempt=attempt)


@shared_task(name=queue.JOIN)
def join(follower_id: int) -> None:
    """The same for the part of an attempt that a further node runs."""
    if services.claim_follower(follower_id=follower_id):
        follower = Follower.objects.select_related("attempt__run").get(pk=follower_id)
        with about(attempt=follower.attempt_id):
            services.start_supervisor(attempt=follower.attempt, node_rank=follower.node_rank)
