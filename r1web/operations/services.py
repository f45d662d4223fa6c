"""Sends canaries through the queues, and notes which came out at the other end."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from r1web.cluster.queue import CONTROL_QUEUE
from r1web.cluster.selectors import queues_of, reachable_nodes
from r1web.operations.models import Canary


@transaction.atomic
def release_canaries(*, now: datetime) -> list[str]:
    """Note a canary for each queue that somebody should read; the queues to send it through."""
    queues = [CONTROL_QUEUE, *queues_of(reachable_nodes())]
    Canary.objects.exclude(queue__in=queues).delete()
    for queue in queues:
        Canary.objects.get_or_create(queue=queue, defaults={"released_at": now})
    Canary.objects.update(released_at=now, waiting_since=Coalesce("waiting_since", now))
    return queues


def canary_heard(*, queue: str, released_at: datetime) -> None:
    """One came through, and with it all that were released before it."""
    delay = (timezone.now() - released_at).total_seconds()
    canary = Canary.objects.filter(queue=queue)
    canary.update(delay_s=delay)
    canary.filter(waiting_since__lte=released_at).update(waiting_since=None)
