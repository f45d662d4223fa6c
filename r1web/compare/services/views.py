"""Saving views."""

from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.compare.models import SavedView
from r1web.errors import InvalidError
from r1web.runs.services import checked_name

MOST_VIEWS = 1000


def create_view(*, project: Project, name: str, query: str, actor: User) -> SavedView:
    """Raises InvalidError at the field at fault."""
    if SavedView.objects.filter(project=project, deleted_at=None).count() >= MOST_VIEWS:
        raise InvalidError(
            f"There may be {MOST_VIEWS:,} views in a project: delete some.", path="name"
        )
    return SavedView.objects.create(
        project=project, name=checked_name(name, "the view"), query=query, created_by=actor
    )


def edit_view(*, view: SavedView, name: str | None, query: str | None) -> SavedView:
    """Change what is given. Raises InvalidError at the field at fault."""
    if name is not None:
        view.name = checked_name(name, "the view")
    if query is not None:
        view.query = query
    view.updated_at = timezone.now()
    view.save(update_fields=["name", "query", "updated_at"])
    return view
