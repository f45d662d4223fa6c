"""Celery's entrances: each calls one service."""

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from r1web.operations import services
from r1web.operations.selectors import LATE_AFTER


@shared_task(name="operations.release_canaries")
def release_canaries() -> None:
    now = timezone.now()
    expires = LATE_AFTER.total_seconds()  # a queue that nobody reads does not fill up
    for queue in services.release_canaries(now=now):
        canary.apply_async((queue, now.isoformat()), queue=queue, expires=expires, retry=False)


@shared_task(name="operations.canary")
def canary(queue: str, released_at: str) -> None:
    services.canary_heard(queue=queue, released_at=datetime.fromisoformat(released_at))
