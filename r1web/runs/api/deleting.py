"""Deleted runs, and bringing one back."""

from ninja import Router

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.runs import selectors, services
from r1web.runs.api.runs import Text
from r1web.runs.schemas import DeletedList, RunDetail

router = Router(tags=["runs"])


@router.get(
    "/deleted-runs", response={200: DeletedList, ERRORS: ProblemOut}, summary="Deleted runs"
)
def list_deleted_runs(
    request: ApiRequest, project: Text = "", cursor: Cursor = None, limit: Limit = 50
) -> DeletedList:
    """Those of your projects that can be restored, the last deleted first."""
    runs = selectors.restorable_runs(request.user)
    if project:
        runs = runs.filter(project__slug=project)
    found, next_cursor = page(runs, order="-deleted_at", cursor=cursor, limit=limit)
    return DeletedList(items=[selectors.deleted_out(run) for run in found], next_cursor=next_cursor)


@router.post(
    "/runs/{int:run_id}/restore",
    response={200: RunDetail, ERRORS: ProblemOut},
    summary="Restore a deleted run",
)
def restore_run(request: ApiRequest, run_id: int) -> RunDetail:
    """Bring it back with metrics, rollouts and files; when these have gone, the error says so."""
    run = services.restore_run(run=selectors.deleted_run(request.user, run_id))
    return selectors.run_detail(request.user, run.pk)
