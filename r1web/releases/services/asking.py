"""A release is asked for."""

from django.db import transaction
from django.utils import timezone

from r1web.accounts.models import User
from r1web.errors import ConflictError, ForbiddenError
from r1web.releases import queue, selectors
from r1web.releases.models import Release, ReleaseState
from r1web.runs.models import Checkpoint
from r1web.runs.services import lock
from r1web.runs.services.lifecycle import require_usable

WAITS = "Waits for a worker that sees the checkpoint."


@transaction.atomic
def ask(*, checkpoint: Checkpoint, dtype: str, actor: User, push: str = "") -> Release:
    """Have the checkpoint released; one that is there and need not be pushed stays as it is.

    Raises InvalidError when the checkpoint is gone, ConflictError when it is just being made, and
    ForbiddenError when the actor may not push.
    """
    run = lock(checkpoint.run)
    if push and not selectors.may_push(actor, run):
        raise ForbiddenError("Only owners of the project and staff may push to a hub.")
    release = Release.objects.filter(checkpoint=checkpoint, dtype=dtype).first()
    if release and release.is_open:
        raise ConflictError(f"This release is {release.state} already.", code="release_under_way")
    if release and release.state == ReleaseState.READY and push == release.push_to:
        return release
    require_usable(checkpoint)
    asked, _ = Release.objects.update_or_create(
        checkpoint=checkpoint,
        dtype=dtype,
        defaults={
            "run": run,
            "state": ReleaseState.QUEUED,
            "reason": WAITS,
            "push_to": push,
            "asked_by": actor,
            "asked_at": timezone.now(),
            "ended_at": None,
        },
    )
    queue.export(asked.pk, selectors.queue_of(checkpoint))
    return asked
