"""Reads how the parts are doing."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from r1web.operations.models import Canary

LATE_AFTER = timedelta(seconds=60)


def lateness(canary: Canary, now: datetime | None = None) -> timedelta:
    """How long the oldest canary that was not heard has been under way."""
    if canary.waiting_since is None:
        return timedelta(0)
    return (now or timezone.now()) - canary.waiting_since


def late_canaries() -> list[Canary]:
    return [canary for canary in Canary.objects.order_by("queue") if lateness(canary) > LATE_AFTER]


def last_release(canaries: Iterable[Canary]) -> datetime | None:
    """When beat was last heard: it is what has canaries released."""
    return max((canary.released_at for canary in canaries), default=None)
