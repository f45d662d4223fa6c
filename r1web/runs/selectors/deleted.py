"""Deleted runs, as long as they can be brought back."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from r1web.accounts.models import User
from r1web.errors import ForbiddenError
from r1web.runs.models import ENDED, Event, Run
from r1web.runs.schemas import DeletedRun
from r1web.runs.selectors.visible import may_change, no_such_run

NEEDED = Exists(Run.objects.filter(purged_at=None, start_checkpoint__run=OuterRef("pk"))) | Exists(
    Run.objects.filter(purged_at=None, parent=OuterRef("pk"))
)
"""A run that started from one of its checkpoints, or from what its stages have left, is there, or
can be restored."""


def deleted_runs() -> QuerySet[Run]:
    """Those whose data is there, each with `needed`: a run that started from it is there, too."""
    deleted = Run.objects.filter(deleted_at__isnull=False, purged_at=None)
    return deleted.annotate(needed=NEEDED)


def due_to_go() -> QuerySet[Run]:
    """Deleted runs whose data is to be removed; events go last, so those show what is left."""
    due = Run.objects.filter(state__in=ENDED, deleted_at__lt=timezone.now() - kept_for())
    return due.filter(Exists(Event.objects.filter(run=OuterRef("pk"))), ~NEEDED)


def restorable_runs(user: User) -> QuerySet[Run]:
    """Of the user's projects."""
    runs = deleted_runs().filter(project__memberships__user=user)
    return runs.select_related("project", "deleted_by")


def deleted_run(user: User, run_id: int) -> Run:
    """A deleted run that the user may bring back. Raises NotFoundError or ForbiddenError."""
    deleted = Run.objects.filter(project__memberships__user=user, deleted_at__isnull=False)
    run = deleted.select_related("project").filter(pk=run_id).first()
    if run is None:
        raise no_such_run(run_id)
    if not may_change(user, run.project):
        raise ForbiddenError(f"You may look at runs of “{run.project}”, but not change them.")
    return run


def deleted_out(run: Run) -> DeletedRun:
    """`run` comes from `restorable_runs`."""
    assert run.deleted_at is not None  # noqa: S101 - the query asks for it
    needed: bool = run.needed  # type: ignore[attr-defined]  # annotated there
    return DeletedRun(
        id=run.pk,
        project=run.project.slug,
        name=run.name,
        state=run.state,
        step=run.last_step,
        deleted_at=run.deleted_at,
        deleted_by=run.deleted_by.username if run.deleted_by else None,
        kept_until=None if needed else run.deleted_at + kept_for(),
    )


def kept_for() -> timedelta:
    return timedelta(days=settings.R1WEB_KEEP_DELETED_DAYS)
