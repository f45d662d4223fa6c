"""Celery's entrances: each calls one service."""

from celery import shared_task

from r1web.releases import queue, services


@shared_task(name=queue.EXPORT)
def export(release_id: int) -> None:
    services.start_export(release_id=release_id)


@shared_task(name=queue.LOOK_AFTER)
def look_after() -> None:
    services.look_after()
