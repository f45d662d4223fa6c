"""What a user may see of runs, and what he may change. Every list starts from here."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from r1web.accounts.models import Membership, Project, User
from r1web.accounts.selectors import CHANGERS
from r1web.errors import ForbiddenError, NotFoundError
from r1web.runs.models import Attempt, Checkpoint, Run
from r1web.runs.selectors.searching import few, texts_tagged, texts_with


def visible_runs(user: User) -> QuerySet[Run]:
    """Runs of the user's projects, without deleted ones."""
    # Not by a join, over which no index has them in an order.
    projects = Membership.objects.filter(user=user).values("project")
    return Run.objects.filter(project__in=projects, deleted_at=None)


def filtered(
    runs: QuerySet[Run],
    *,
    state: Sequence[str] = (),
    name: str = "",
    preset: str = "",
    owner: str = "",
    tag: str = "",
    project: str = "",
    q: str = "",
) -> QuerySet[Run]:
    """Narrowed by what is given; text is looked for without regard to case."""
    if state:
        runs = runs.filter(state__in=state)
    exact = {"preset": preset, "owner__username": owner, "project__slug": project}
    runs = runs.filter(**{field: value for field, value in exact.items() if value})
    if name:
        runs = runs.filter(name__icontains=name)
    if tag:
        tagged = texts_tagged(tag).values_list("run", flat=True)
        found = few(tagged)
        runs = runs.filter(pk__in=tagged if found is None else found)
    if q:
        owners = list(User.objects.filter(username__icontains=q).values_list("pk", flat=True))
        told = texts_with(q).values_list("run", flat=True)
        found = few(told)
        runs = runs.filter(Q(pk__in=told if found is None else found) | Q(owner__in=owners))
    return runs


def visible_run(user: User, run_id: int) -> Run:
    """A run the user may see. Raises NotFoundError for any other."""
    try:
        return visible_runs(user).select_related("project").get(pk=run_id)
    except Run.DoesNotExist as error:
        raise no_such_run(run_id) from error


def changeable_run(user: User, run_id: int) -> Run:
    """A run the user may change. Raises NotFoundError, or ForbiddenError for a viewer."""
    run = visible_run(user, run_id)
    if not may_change(user, run.project):
        raise ForbiddenError(f"You may look at runs of “{run.project}”, but not change them.")
    return run


def may_change(user: User, project: Project) -> bool:
    return Membership.objects.filter(user=user, project=project, role__in=CHANGERS).exists()


def project_for_new_run(user: User, slug: str | None) -> Project:
    """The named project, or the first the user may add runs to. Raises NotFound or Forbidden."""
    memberships = Membership.objects.filter(user=user).select_related("project")
    if slug is not None:
        memberships = memberships.filter(project__slug=slug)
    found = list(memberships.order_by("project_id"))
    if slug is not None and not found:
        raise NotFoundError(f"There is no project “{slug[:60]}” that you may see.", path="project")
    changeable = [membership.project for membership in found if membership.role in CHANGERS]
    if not changeable:
        raise ForbiddenError("You may not start runs here: ask an owner of the project.")
    return changeable[0]


def visible_checkpoint(user: User, checkpoint_id: int) -> Checkpoint:
    """A checkpoint of a run the user may see. Raises NotFoundError at the field "checkpoint"."""
    found = Checkpoint.objects.select_related("run").filter(
        pk=checkpoint_id, run__in=visible_runs(user)
    )
    checkpoint = found.first()
    if checkpoint is None:
        raise NotFoundError(
            f"There is no checkpoint {checkpoint_id} that you may see.", path="checkpoint"
        )
    return checkpoint


def open_attempt(run: Run) -> Attempt | None:
    return run.attempts.filter(ended_at=None).first()


def no_such_run(run_id: int) -> NotFoundError:
    return NotFoundError(f"There is no run {run_id} that you may see.")
