"""Sends this app's tasks by name."""

from django.db import transaction

from r1web.cluster.queue import send

EXPORT = "releases.export"
LOOK_AFTER = "releases.look_after"


def export(release_id: int, queue: str) -> None:
    """Ask a worker that reads `queue` to make the release, once the transaction has committed."""
    transaction.on_commit(lambda: send(EXPORT, release_id, queue=queue))
