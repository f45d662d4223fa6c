"""The node's own voice: a thread in the Celery worker that registers, beats and adopts.

It needs the database only. When that is away, it says so once and goes on trying.
"""

import logging
import threading
from typing import Any

from celery.signals import celeryd_after_setup, worker_ready, worker_shutting_down
from django.db import InterfaceError, OperationalError, connection

from r1web.cluster import services
from r1web.cluster.models import Node

logger = logging.getLogger(__name__)

BEAT_S = 5.0


class Agent:
    def __init__(self) -> None:
        self._stop = threading.Event()
        self._node: Node | None = None
        self._away = False

    def start(self) -> None:
        self._stop.clear()
        threading.Thread(target=self._run, name="node-agent", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.turn()
            self._stop.wait(BEAT_S)

    def turn(self) -> None:
        """Register or beat, then adopt."""
        try:
            if self._node is None:
                self._node = services.register_node()
            elif not services.beat(node_id=self._node.pk):
                self._node = services.register_node()  # somebody deleted the row
            services.adopt(node=self._node)
        except (OperationalError, InterfaceError) as error:
            if not self._away:
                logger.warning("The database is away, the node waits: %s", error)
            self._away = True
        else:
            self._away = False
        finally:
            connection.close()


agent = Agent()


def connect() -> None:
    """Make every Celery worker a node. Connecting twice is connecting once."""
    celeryd_after_setup.connect(_read_own_queue, dispatch_uid="r1web-node-queue")
    worker_ready.connect(_start, dispatch_uid="r1web-node-start")
    worker_shutting_down.connect(_stop, dispatch_uid="r1web-node-stop")


def _read_own_queue(instance: Any, **_: Any) -> None:
    instance.app.amqp.queues.select_add(services.node_queue())


def _start(**_: Any) -> None:
    agent.start()


def _stop(**_: Any) -> None:
    agent.stop()
