"""Celery's entrance, on the node whose queue it came by."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from r1web.playground import queue, services


@shared_task(name=queue.SERVE)
def serve(run_id: int, step: int) -> None:
    services.start_session(run_id=run_id, step=None if step == queue.NO_STEP else step)


@worker_shutting_down.connect(dispatch_uid="r1web-playground-stop")
def _stop(**_: Any) -> None:
    services.end_sessions()
