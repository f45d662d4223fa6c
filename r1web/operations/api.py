"""Projects with what they take."""

from typing import Annotated

from ninja import Query, Router

from r1web.accounts.models import Project
from r1web.accounts.selectors import projects_of, visible_project
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import page
from r1web.operations import selectors
from r1web.operations.schemas import ProjectList, RunSizeList

router = Router(tags=["projects"])


@router.get("/projects", response={200: ProjectList, ERRORS: ProblemOut}, summary="Projects")
def list_projects(request: ApiRequest) -> ProjectList:
    """Yours, or all for staff: how many runs they have, and what these take."""
    user = request.user
    seen = Project.objects.all() if user.is_staff else projects_of(user)
    return ProjectList(items=selectors.project_overviews(seen, user))


@router.get(
    "/projects/{slug}/sizes",
    response={200: RunSizeList, ERRORS: ProblemOut},
    summary="Sizes of a project's runs",
)
def list_sizes(
    request: ApiRequest,
    slug: str,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> RunSizeList:
    """The largest first; deleted ones, too, as long as their data is there."""
    sizes = selectors.run_sizes(visible_project(request.user, slug))
    found, next_cursor = page(sizes, order="-bytes", cursor=cursor, limit=limit)
    return RunSizeList(
        items=[selectors.run_size_out(size) for size in found], next_cursor=next_cursor
    )
