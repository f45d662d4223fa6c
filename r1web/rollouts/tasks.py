"""Celery's entrance: indexes what was written."""

import time

from celery import shared_task

from r1web.rollouts.services import seal_full

SEAL_S = 20.0
"""A turn takes about this long at most: the worker has other things to do."""


@shared_task(name="rollouts.seal")
def seal() -> None:
    until = time.monotonic() + SEAL_S
    for _ in seal_full():
        if time.monotonic() > until:
            return
