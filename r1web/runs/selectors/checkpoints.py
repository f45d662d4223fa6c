"""Which checkpoint a run goes on from."""

from django.db.models import Exists, OuterRef, QuerySet

from r1web.runs.models import Attempt, Checkpoint, Event, Run, State


def newest_checkpoint(run: Run) -> Checkpoint | None:
    """The newest that is not known to be broken."""
    return _present(run).exclude(pk__in=_broken(run)).first()


def passed_over(run: Run) -> list[Checkpoint]:
    """Those newer than `newest_checkpoint`: an attempt from each failed before it took a step."""
    present = _present(run)
    newest = newest_checkpoint(run)
    return list(present.filter(pk__gt=newest.pk) if newest else present)


def _present(run: Run) -> QuerySet[Checkpoint]:
    return Checkpoint.objects.filter(run=run, deleted_at=None).order_by("-id")


def _broken(run: Run) -> QuerySet[Attempt, int | None]:
    """Keys of checkpoints from which an attempt has failed before it had taken a step."""
    stepped = Event.objects.filter(attempt=OuterRef("pk"), type="metrics")
    failed = run.attempts.filter(outcome=State.FAILED, checkpoint__isnull=False)
    return failed.exclude(Exists(stepped)).values_list("checkpoint", flat=True)
