"""Celery's entrances: each calls one service."""

from celery import shared_task

from r1web.alerts import queue, services


@shared_task(name=queue.DELIVER)
def deliver() -> None:
    services.deliver_due()


@shared_task(name=queue.LOOK_FOR_SILENCE)
def look_for_silence() -> None:
    services.look_for_silence()


@shared_task(name=queue.LOOK_AT_BUDGETS)
def look_at_budgets() -> None:
    services.look_at_budgets()
