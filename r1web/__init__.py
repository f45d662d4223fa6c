"""The dashboard. Celery's application is made here, so that tasks can be sent from anywhere."""

from r1web.celery import app as celery_app

__all__ = ["celery_app"]
