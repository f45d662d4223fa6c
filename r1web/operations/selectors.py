"""Reads how the parts are doing, and what projects take."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from r1web.accounts.models import Membership, Project, User
from r1web.operations.models import Canary, RunSize
from r1web.operations.schemas import ProjectOverview, RunSizeOut

LATE_AFTER = timedelta(seconds=60)
MEASURED = (
    "checkpoint_bytes", "journal_bytes", "release_bytes", "other_bytes", "bytes", "points",
    "completions",
)  # fmt: skip


def lateness(canary: Canary, now: datetime | None = None) -> timedelta:
    """How long the oldest canary that was not heard has been under way."""
    if canary.waiting_since is None:
        return timedelta(0)
    return (now or timezone.now()) - canary.waiting_since


def late_canaries() -> list[Canary]:
    return [canary for canary in Canary.objects.order_by("queue") if lateness(canary) > LATE_AFTER]


def last_release(canaries: Iterable[Canary]) -> datetime | None:
    """When beat was last heard: it is what has canaries released."""
    return max((canary.released_at for canary in canaries), default=None)


def project_overviews(projects: QuerySet[Project], user: User | None) -> list[ProjectOverview]:
    """What each takes, added up over its runs; `user`'s role in it, where there is one."""
    sums = {name: Coalesce(Sum(f"runs__size__{name}"), 0) for name in MEASURED}
    found = projects.annotate(
        run_count=Count("runs", filter=Q(runs__deleted_at=None)),
        deleted_bytes=Coalesce(
            Sum("runs__size__bytes", filter=Q(runs__deleted_at__isnull=False)), 0
        ),
        measured_at=Min("runs__size__measured_at"),
        **sums,
    )
    roles = dict(Membership.objects.filter(user=user).values_list("project_id", "role"))
    names = ("slug", "name", "deleted_bytes", "measured_at", *MEASURED)
    return [
        ProjectOverview(
            role=roles.get(project.pk),
            runs=project.run_count,
            **{name: getattr(project, name) for name in names},
        )
        for project in found.order_by("name", "pk")
    ]


def run_sizes(project: Project) -> QuerySet[RunSize]:
    return RunSize.objects.filter(run__project=project).select_related("run")


def run_size_out(size: RunSize) -> RunSizeOut:
    """Reads the size's run: select it with it."""
    return RunSizeOut(
        run=size.run_id,
        name=size.run.name,
        state=size.run.state,
        deleted=size.run.deleted_at is not None,
        measured_at=size.measured_at,
        **{name: getattr(size, name) for name in MEASURED},
    )
