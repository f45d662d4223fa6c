"""Alerts on their way: each delivery is tried, at growing distances, a bounded number of times.

The rows are the queue. A worker that takes one moves it to its next try in the same UPDATE, so two
workers never send it at once, and one that dies while it sends has lost nothing but time.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from r1web.alerts.models import Delivery, DeliveryStatus
from r1web.alerts.services.guarded import SendError
from r1web.alerts.services.sending import send

logger = logging.getLogger(__name__)

PAUSES = [timedelta(seconds=seconds) for seconds in (20, 60, 300, 1800, 7200)]
"""After each failed try but the last."""
MOST_TRIES = len(PAUSES) + 1
AT_ONCE = 20
"""A call ends after this many, so that a worker is not held by targets that do not answer."""


def deliver_due(*, now: datetime | None = None) -> int:
    """Try what is due; how many were tried."""
    now = now or timezone.now()
    due = Delivery.objects.filter(status=DeliveryStatus.PENDING, due_at__lte=now)
    found = due.order_by("due_at").values_list("pk", "tries")[:AT_ONCE]
    taken = [pk for pk, tries in list(found) if _take(pk, tries, now)]
    for pk in taken:
        _try(Delivery.objects.select_related("target", "project", "alert__run").get(pk=pk))
    return len(taken)


def _take(pk: int, tries: int, now: datetime) -> bool:
    """Whether the next try is now this caller's."""
    pause = PAUSES[min(tries, len(PAUSES) - 1)]
    still = Delivery.objects.filter(pk=pk, status=DeliveryStatus.PENDING, tries=tries)
    return still.update(tries=F("tries") + 1, due_at=now + pause) == 1


def _try(delivery: Delivery) -> None:
    try:
        send(delivery)
    except SendError as error:
        _failed(delivery, error)
    else:
        delivery.status, delivery.sent_at, delivery.error = "sent", timezone.now(), ""
    delivery.save(update_fields=["status", "sent_at", "error"])


def _failed(delivery: Delivery, error: SendError) -> None:
    delivery.error = str(error)
    is_test = delivery.alert_id is None  # somebody waits for the result of this very try
    if error.final or is_test or delivery.tries >= MOST_TRIES:
        delivery.status = DeliveryStatus.FAILED
    logger.warning(
        "Delivery %s to %s, try %s: %s",
        delivery.pk, delivery.target_name, delivery.tries, error,
    )  # fmt: skip
