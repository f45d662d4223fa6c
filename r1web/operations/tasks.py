"""Celery's entrances: each calls one service."""

import time
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from r1web.operations import services
from r1web.operations.retention import prune as pieces
from r1web.operations.selectors import LATE_AFTER

PRUNE_S = 30.0
"""A turn of pruning takes about this long at most: the worker has other things to do."""


@shared_task(name="operations.release_canaries")
def release_canaries() -> None:
    now = timezone.now()
    expires = LATE_AFTER.total_seconds()  # a queue that nobody reads does not fill up
    for queue in services.release_canaries(now=now):
        canary.apply_async((queue, now.isoformat()), queue=queue, expires=expires, retry=False)


@shared_task(name="operations.canary")
def canary(queue: str, released_at: str) -> None:
    services.canary_heard(queue=queue, released_at=datetime.fromisoformat(released_at))


@shared_task(name="operations.prune")
def prune() -> None:
    until = time.monotonic() + PRUNE_S
    for _ in pieces():
        if time.monotonic() > until:
            return
