"""Stars of one's own on completions, and notes for all who see the run."""

from datetime import datetime
from typing import Annotated

from ninja import Query, Router, Schema, Status
from pydantic import BaseModel, Field, StringConstraints

from r1web.accounts.models import User
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, page
from r1web.rollouts.models import CompletionNote
from r1web.rollouts.schemas import CompletionRow, row_out
from r1web.rollouts.selectors import (
    check_may_write,
    marks_of,
    notes_of,
    own_note,
    starred,
    starred_completions,
    visible_completion,
)
from r1web.rollouts.services import add_note, edit_note, remove_note, star, unstar

router = Router(tags=["rollouts"])
MOST_BODY = 10_000
Body = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=MOST_BODY, pattern=r"^[^\x00]*$"
    ),
]


class NoteBody(Schema):
    body: Body = Field(description="Plain text.")


class CompletionNoteOut(BaseModel):
    id: int
    author: str | None = Field(description="Null when the user is gone.")
    mine: bool = Field(description="Whether the caller wrote it, and may change or delete it.")
    body: str
    created_at: datetime
    edited_at: datetime | None


class CompletionNotesOut(BaseModel):
    items: list[CompletionNoteOut] = Field(description="The oldest first.")


class StarredRow(BaseModel):
    run_id: int
    run: str = Field(description="Its name.")
    starred_at: datetime
    completion: CompletionRow


class StarredOut(BaseModel):
    items: list[StarredRow] = Field(description="Those starred last first.")
    next_cursor: str | None


@router.get(
    "/starred-completions",
    response={200: StarredOut, ERRORS: ProblemOut},
    summary="Completions that you starred",
)
def list_starred(
    request: ApiRequest,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> StarredOut:
    """Of all runs that you may see."""
    rows = starred(request.user).select_related("group__run")
    stars, next_cursor = page(rows, order="-created_at", cursor=cursor, limit=limit)
    found = starred_completions(stars)
    marks = marks_of(request.user, [one.group for one in found])
    items = [
        StarredRow(
            run_id=star.group.run_id,
            run=star.group.run.name,
            starred_at=star.created_at,
            completion=row_out(one, marks),
        )
        for star, one in zip(stars, found, strict=True)
    ]
    return StarredOut(items=items, next_cursor=next_cursor)


@router.put(
    "/completions/{completion_id}/star",
    response={204: None, ERRORS: ProblemOut},
    summary="Star a completion",
)
def put_star(request: ApiRequest, completion_id: str) -> Status[None]:
    """For yourself: nobody else sees it."""
    star(found=visible_completion(request.user, completion_id), user=request.user)
    return Status(204, None)


@router.delete(
    "/completions/{completion_id}/star",
    response={204: None, ERRORS: ProblemOut},
    summary="Take your star away",
)
def delete_star(request: ApiRequest, completion_id: str) -> Status[None]:
    unstar(found=visible_completion(request.user, completion_id), user=request.user)
    return Status(204, None)


@router.get(
    "/completions/{completion_id}/notes",
    response={200: CompletionNotesOut, ERRORS: ProblemOut},
    summary="Notes on a completion",
)
def list_completion_notes(request: ApiRequest, completion_id: str) -> CompletionNotesOut:
    notes = notes_of(visible_completion(request.user, completion_id))
    return CompletionNotesOut(items=[_out(note, request.user) for note in notes])


@router.post(
    "/completions/{completion_id}/notes",
    response={201: CompletionNoteOut, ERRORS: ProblemOut},
    summary="Write a note on a completion",
)
def write_completion_note(
    request: ApiRequest, completion_id: str, body: NoteBody
) -> Status[CompletionNoteOut]:
    """All who see the run see it."""
    found = visible_completion(request.user, completion_id)
    check_may_write(request.user, found.group)
    note = add_note(found=found, author=request.user, body=body.body)
    return Status(201, _out(note, request.user))


@router.put(
    "/completion-notes/{int:note_id}",
    response={200: CompletionNoteOut, ERRORS: ProblemOut},
    summary="Change your note on a completion",
)
def change_completion_note(request: ApiRequest, note_id: int, body: NoteBody) -> CompletionNoteOut:
    note = edit_note(note=own_note(request.user, note_id), body=body.body)
    return _out(note, request.user)


@router.delete(
    "/completion-notes/{int:note_id}",
    response={204: None, ERRORS: ProblemOut},
    summary="Delete your note on a completion",
)
def delete_completion_note(request: ApiRequest, note_id: int) -> Status[None]:
    remove_note(note=own_note(request.user, note_id))
    return Status(204, None)


def _out(note: CompletionNote, user: User) -> CompletionNoteOut:
    return CompletionNoteOut(
        id=note.pk,
        author=note.author.username if note.author else None,
        mine=note.author_id == user.pk,
        body=note.body,
        created_at=note.created_at,
        edited_at=note.edited_at,
    )
