"""The Celery application. Tasks are sent by name, through each app's own small queue module."""

import os

from celery import Celery

from r1web import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "r1web.settings.local")

app = Celery("r1web")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
tracing.connect(app)
