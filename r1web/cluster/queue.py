"""Sends tasks by name, once the transaction at hand has committed.

A broker that is away never fails what a user asked for: beat asks again every few seconds.
"""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError

from r1web.celery import app

logger = logging.getLogger(__name__)

CONTROL_QUEUE = "control"
SCHEDULE = "cluster.schedule"
RECONCILE = "cluster.reconcile"
LAUNCH = "cluster.launch"
JOIN = "cluster.join"


def nudge() -> None:
    """Ask the scheduler to look at the queue now."""
    transaction.on_commit(lambda: send(SCHEDULE, queue=CONTROL_QUEUE))


def launch(attempt_id: int, queue: str) -> None:
    """Ask the node that reads `queue` to start an attempt."""
    transaction.on_commit(lambda: send(LAUNCH, attempt_id, queue=queue))


def join(follower_id: int, queue: str) -> None:
    """Ask the node that reads `queue` to start its part of an attempt on several nodes."""
    transaction.on_commit(lambda: send(JOIN, follower_id, queue=queue))


def send(name: str, *args: int, queue: str) -> None:
    """Send a task now; while the broker is away, nothing but a warning."""
    try:
        app.send_task(name, args=args, queue=queue, ignore_result=True, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("The broker is away, %s waits for the next beat: %s", name, error)
