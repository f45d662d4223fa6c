"""What a Celery worker does by itself: threads that each take a turn every few seconds.

Every worker registers its node, beats, and adopts what has lost its supervisor. One that submits
runs to SLURM or Kubernetes looks after their jobs, too. They need the database only; when that is
away, they say so once and go on trying.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery.signals import celeryd_after_setup, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from r1web.cluster import services
from r1web.cluster.models import Node
from r1web.cluster.submission.system import SiteError
from r1web.cluster.supervisor.closing import close_jobs

logger = logging.getLogger(__name__)

BEAT_S = 5.0
LOOK_S = 15.0
"""Sites ask their users not to ask squeue more often."""


class Turns:
    """A thread that calls `turn` every so often until it is stopped."""

    def __init__(self, name: str, turn: Callable[[], object], seconds: float) -> None:
        self._name, self._turn, self._seconds = name, turn, seconds
        self._stop = threading.Event()
        self._trouble = ""

    def start(self) -> None:
        self._stop.clear()
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._take()
            self._stop.wait(self._seconds)

    def _take(self) -> None:
        trouble = ""
        try:
            self._turn()
        except (OperationalError, InterfaceError) as error:
            trouble = f"The database is away, the node waits: {error}"
        except SiteError as error:
            trouble = f"The jobs of this worker could not be looked after: {error}"
        finally:
            connection.close()
        if trouble and not self._trouble:
            logger.warning("%s", trouble)
        self._trouble = trouble


class Presence:
    """Registers the worker's nodes, beats for them, and looks after what has no supervisor."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []

    def turn(self) -> None:
        present = [node.pk for node in self._nodes]
        if not present or not services.beat(node_ids=present):  # somebody deleted a row
            self._nodes = services.register_nodes()
        for node in self._nodes:
            if not node.is_elsewhere:
                services.adopt(node=node)
                services.settle(node=node)


def look_after_jobs() -> None:
    close_jobs(services.look_after(queue=services.node_queue()))


def turns() -> list[Turns]:
    presence = Turns("node-agent", Presence().turn, BEAT_S)
    if settings.R1WEB_SUBMIT.to == Node.Kind.MACHINE:
        return [presence]
    return [presence, Turns("jobs", look_after_jobs, LOOK_S)]


_running: list[Turns] = []


def connect() -> None:
    """Make every Celery worker a node. Connecting twice is connecting once."""
    celeryd_after_setup.connect(_read_own_queue, dispatch_uid="r1web-node-queue")
    worker_ready.connect(_start, dispatch_uid="r1web-node-start")
    worker_shutting_down.connect(_stop, dispatch_uid="r1web-node-stop")


def _read_own_queue(instance: Any, **_: Any) -> None:
    instance.app.amqp.queues.select_add(services.node_queue())


def _start(**_: Any) -> None:
    _running.extend(turns())
    for one in _running:
        one.start()


def _stop(**_: Any) -> None:
    for one in _running:
        one.stop()
