"""A run is taken off the lists, for a while only; in the end its data goes."""

from django.db import transaction
from django.utils import timezone

from r1web.accounts.models import User
from r1web.errors import ConflictError, InvalidError
from r1web.live.services import publish_runs
from r1web.runs.models import ENDED, Run
from r1web.runs.services.transitions import lock


@transaction.atomic
def delete_run(*, run: Run, name: str, actor: User) -> None:
    """Take an ended run off every list; `name` has to be its name, so that it is not another.

    Raises ConflictError, and InvalidError at the field "name".
    """
    run = lock(run)
    if run.state not in ENDED:
        raise ConflictError(f"Run {run.pk} is {run.state}: stop it first.", code="not_ended")
    if name.strip() != run.name:
        raise InvalidError(
            f"Run {run.pk} is named “{run.name}”: give exactly that as name to delete it.",
            path="name",
            code="name_differs",
        )
    run.deleted_at, run.deleted_by = timezone.now(), actor
    run.save(update_fields=["deleted_at", "deleted_by"])
    transaction.on_commit(lambda: publish_runs([run.pk]))


@transaction.atomic
def restore_run(*, run: Run) -> Run:
    """Bring a deleted run back, with all it had. Raises ConflictError when its data has gone."""
    run = lock(run)
    if run.purged_at is not None:
        raise ConflictError(
            f"Run {run.pk} was deleted too long ago: its metrics, rollouts and files were removed "
            f"on {run.purged_at:%Y-%m-%d}.",
            code="purged",
        )
    run.deleted_at = run.deleted_by = None
    run.save(update_fields=["deleted_at", "deleted_by"])
    transaction.on_commit(lambda: publish_runs([run.pk]))
    return run


@transaction.atomic
def purge_run(*, run: Run) -> bool:
    """Note that the data of a deleted run goes now; False when it was restored meanwhile."""
    present = lock(run)
    if present.deleted_at is None or present.deleted_at != run.deleted_at:
        return False
    present.purged_at = present.purged_at or timezone.now()
    present.save(update_fields=["purged_at"])
    return True
