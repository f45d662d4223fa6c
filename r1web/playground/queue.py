"""Sends this app's task by name."""

from r1web.cluster.queue import send

SERVE = "playground.serve"
NO_STEP = -1


def serve(run_id: int, step: int | None, queue: str) -> None:
    """Ask the node that reads `queue` to have a model of the run answer."""
    send(SERVE, run_id, NO_STEP if step is None else step, queue=queue)
