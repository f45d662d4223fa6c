"""Notes of a project, and what they said before."""

from ninja import Router, Status

from r1web.accounts.selectors import changeable_project, visible_project
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.compare import selectors, services
from r1web.compare.schemas import NoteEdit, NoteIn, NoteList, NoteOut, VersionList, VersionOut

router = Router(tags=["notes"])


@router.get(
    "/projects/{slug}/notes",
    response={200: NoteList, ERRORS: ProblemOut},
    summary="Notes of a project",
)
def list_notes(
    request: ApiRequest, slug: str, cursor: Cursor = None, limit: Limit = 100
) -> NoteList:
    """Those changed last first, without their texts."""
    notes = selectors.notes_of(visible_project(request.user, slug))
    found, next_cursor = page(notes, order="-updated_at", cursor=cursor, limit=limit)
    return NoteList(items=[selectors.note_row(note) for note in found], next_cursor=next_cursor)


@router.post(
    "/projects/{slug}/notes",
    response={201: NoteOut, ERRORS: ProblemOut},
    summary="Write a note",
)
def write_note(request: ApiRequest, slug: str, body: NoteIn) -> Status[NoteOut]:
    """Everybody in the project sees it."""
    project = changeable_project(request.user, slug)
    note = services.create_note(project=project, actor=request.user, **body.dict())
    return Status(201, selectors.note_out(note, request.user))


@router.get("/notes/{int:note_id}", response={200: NoteOut, ERRORS: ProblemOut}, summary="A note")
def get_note(request: ApiRequest, note_id: int) -> NoteOut:
    return selectors.note_out(selectors.visible_note(request.user, note_id), request.user)


@router.put(
    "/notes/{int:note_id}", response={200: NoteOut, ERRORS: ProblemOut}, summary="Save a note"
)
def edit_note(request: ApiRequest, note_id: int, body: NoteEdit) -> NoteOut:
    """What was made of `version`. 409 when somebody saved a newer one meanwhile."""
    note = selectors.changeable_note(request.user, note_id)
    saved = services.edit_note(note=note, actor=request.user, **body.dict())
    return selectors.note_out(saved, request.user)


@router.delete(
    "/notes/{int:note_id}", response={204: None, ERRORS: ProblemOut}, summary="Delete a note"
)
def delete_note(request: ApiRequest, note_id: int) -> Status[None]:
    """It can be restored, with all its versions, for as long as a deleted run can."""
    services.remove(row=selectors.changeable_note(request.user, note_id))
    return Status(204, None)


@router.post(
    "/notes/{int:note_id}/restore",
    response={200: NoteOut, ERRORS: ProblemOut},
    summary="Bring a deleted note back",
)
def restore_note(request: ApiRequest, note_id: int) -> NoteOut:
    note = selectors.restorable_note(request.user, note_id)
    services.restore(row=note)
    return selectors.note_out(note, request.user)


@router.get(
    "/notes/{int:note_id}/versions",
    response={200: VersionList, ERRORS: ProblemOut},
    summary="Who saved a note, and when",
)
def list_versions(
    request: ApiRequest, note_id: int, cursor: Cursor = None, limit: Limit = 100
) -> VersionList:
    """The newest first, without their texts."""
    note = selectors.visible_note(request.user, note_id)
    rows = note.versions.select_related("saved_by").defer("body")
    found, next_cursor = page(rows, order="-version", cursor=cursor, limit=limit)
    items = [selectors.version_row(version) for version in found]
    return VersionList(items=items, next_cursor=next_cursor)


@router.get(
    "/notes/{int:note_id}/versions/{int:version}",
    response={200: VersionOut, ERRORS: ProblemOut},
    summary="What a note said",
)
def get_version(request: ApiRequest, note_id: int, version: int) -> VersionOut:
    note = selectors.visible_note(request.user, note_id)
    return selectors.version_out(selectors.version_of(note, version))
