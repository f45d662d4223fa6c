"""Saved views of a project."""

from ninja import Router, Status

from r1web.accounts.selectors import changeable_project, visible_project
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.compare import selectors, services
from r1web.compare.schemas import ViewIn, ViewList, ViewOut, ViewPatch

router = Router(tags=["comparing"])


@router.get(
    "/projects/{slug}/views",
    response={200: ViewList, ERRORS: ProblemOut},
    summary="Saved views of a project",
)
def list_views(
    request: ApiRequest, slug: str, cursor: Cursor = None, limit: Limit = 100
) -> ViewList:
    """By name."""
    views = selectors.views_of(visible_project(request.user, slug))
    found, next_cursor = page(views, order="name", cursor=cursor, limit=limit)
    return ViewList(items=[selectors.view_out(view) for view in found], next_cursor=next_cursor)


@router.post(
    "/projects/{slug}/views",
    response={201: ViewOut, ERRORS: ProblemOut},
    summary="Save a view",
)
def save_view(request: ApiRequest, slug: str, body: ViewIn) -> Status[ViewOut]:
    """Everybody in the project sees it."""
    project = changeable_project(request.user, slug)
    view = services.create_view(project=project, actor=request.user, **body.dict())
    return Status(201, selectors.view_out(view))


@router.get(
    "/views/{int:view_id}", response={200: ViewOut, ERRORS: ProblemOut}, summary="A saved view"
)
def get_view(request: ApiRequest, view_id: int) -> ViewOut:
    return selectors.view_out(selectors.visible_view(request.user, view_id))


@router.patch(
    "/views/{int:view_id}", response={200: ViewOut, ERRORS: ProblemOut}, summary="Change a view"
)
def edit_view(request: ApiRequest, view_id: int, body: ViewPatch) -> ViewOut:
    """Rename it, or have it show something else."""
    view = selectors.changeable_view(request.user, view_id)
    return selectors.view_out(services.edit_view(view=view, **body.dict()))


@router.delete(
    "/views/{int:view_id}", response={204: None, ERRORS: ProblemOut}, summary="Delete a view"
)
def delete_view(request: ApiRequest, view_id: int) -> Status[None]:
    """It can be restored for as long as a deleted run can."""
    services.remove(row=selectors.changeable_view(request.user, view_id))
    return Status(204, None)


@router.post(
    "/views/{int:view_id}/restore",
    response={200: ViewOut, ERRORS: ProblemOut},
    summary="Bring a deleted view back",
)
def restore_view(request: ApiRequest, view_id: int) -> ViewOut:
    view = selectors.restorable_view(request.user, view_id)
    services.restore(row=view)
    return selectors.view_out(view)
