"""Sends this app's tasks by name."""

from django.db import transaction

from r1web.cluster.queue import CONTROL_QUEUE, send

DELIVER = "alerts.deliver"
LOOK_FOR_SILENCE = "alerts.look_for_silence"
LOOK_AT_BUDGETS = "alerts.look_at_budgets"


def deliver() -> None:
    """Ask for what is due to be sent, once the transaction at hand has committed."""
    transaction.on_commit(lambda: send(DELIVER, queue=CONTROL_QUEUE))
