"""/checkpoints/{id}/releases, /runs/{id}/releases and /releases/{id}."""

from django.http.response import HttpResponseBase
from ninja import Router, Status

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.files import send_file
from r1web.api.pagination import Cursor, Limit, page
from r1web.errors import ConflictError, NotFoundError
from r1web.releases import selectors, services
from r1web.releases.schemas import ReleaseFiles, ReleaseIn, ReleaseList, ReleaseOut
from r1web.runs.selectors import changeable_run, may_change, visible_checkpoint, visible_run

router = Router(tags=["releases"])


@router.post(
    "/checkpoints/{int:checkpoint_id}/releases",
    response={202: ReleaseOut, ERRORS: ProblemOut},
    summary="Release a checkpoint",
)
def ask(request: ApiRequest, checkpoint_id: int, body: ReleaseIn) -> Status[ReleaseOut]:
    """Have it exported as a Hugging Face directory on the node that wrote it. One that is ready is
    answered as it is; with `push` it is pushed, too (owners of the project and staff)."""
    checkpoint = visible_checkpoint(request.user, checkpoint_id)
    changeable_run(request.user, checkpoint.run_id)
    release = services.ask(
        checkpoint=checkpoint, dtype=body.dtype, actor=request.user, push=body.push or ""
    )
    return Status(202, selectors.release_out(release))


@router.get(
    "/runs/{int:run_id}/releases",
    response={200: ReleaseList, ERRORS: ProblemOut},
    summary="Releases of a run",
)
def list_releases(
    request: ApiRequest, run_id: int, cursor: Cursor = None, limit: Limit = 100
) -> ReleaseList:
    """The last one asked for first."""
    run = visible_run(request.user, run_id)
    rows = selectors.releases_of(run)
    found, next_cursor = page(rows, order="-asked_at", cursor=cursor, limit=limit)
    return ReleaseList(
        items=[selectors.release_out(release) for release in found],
        next_cursor=next_cursor,
        may_release=may_change(request.user, run.project),
        may_push=selectors.may_push(request.user, run),
    )


@router.get(
    "/releases/{int:release_id}",
    response={200: ReleaseOut, ERRORS: ProblemOut},
    summary="One release",
)
def get_release(request: ApiRequest, release_id: int) -> ReleaseOut:
    return selectors.release_out(selectors.visible_release(request.user, release_id))


@router.get(
    "/releases/{int:release_id}/files",
    response={200: ReleaseFiles, ERRORS: ProblemOut},
    summary="Files of a release",
)
def list_files(request: ApiRequest, release_id: int) -> ReleaseFiles:
    release = selectors.visible_release(request.user, release_id)
    return ReleaseFiles(items=selectors.files_out(release))


@router.get(
    "/releases/{int:release_id}/files/{path:name}",
    response={200: None, 206: None, ERRORS: ProblemOut},
    summary="Download a file of a release",
)
def download(request: ApiRequest, release_id: int, name: str) -> HttpResponseBase:
    """Takes `Range` with `If-Range`, so that a download goes on where it was cut off; the `ETag` is
    the file's SHA-256."""
    release = selectors.visible_release(request.user, release_id)
    known = release.files.get(name)
    if known is None:
        raise NotFoundError(f"Release {release_id} has no file “{name[:200]}”.")
    path = selectors.directory_of(release) / name
    if not path.is_file():
        there = selectors.release_out(release).path
        raise ConflictError(
            f"The files are on {release.node}, in {there} of its data folder, which this server "
            "does not see: copy them from there.",
            code="files_elsewhere",
        )
    if path.stat().st_size != known["bytes"]:
        raise ConflictError(f"“{name}” was changed since it was released.", code="file_changed")
    return send_file(request, path, etag=known["sha256"])
