"""Writing notes: each saving is a version, and none lays itself over one it has not seen."""

from django.db import transaction
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.compare.models import Note, NoteVersion
from r1web.errors import ConflictError, InvalidError
from r1web.runs.services import checked_name

MOST_NOTES = 1000


@transaction.atomic
def create_note(*, project: Project, title: str, body: str, actor: User) -> Note:
    """Raises InvalidError at the field at fault."""
    if Note.objects.filter(project=project, deleted_at=None).count() >= MOST_NOTES:
        raise InvalidError(
            f"There may be {MOST_NOTES:,} notes in a project: delete some.", path="title"
        )
    note = Note.objects.create(
        project=project, title=_title(title), body=body, created_by=actor, updated_by=actor
    )
    _keep_version(note)
    return note


@transaction.atomic
def edit_note(*, note: Note, title: str, body: str, version: int, actor: User) -> Note:
    """Save what was made of that version. One that changes nothing is none.

    Raises:
        ConflictError: somebody saved a newer version meanwhile; nothing is changed.
        InvalidError: at the title.
    """
    title = _title(title)
    rows = Note.objects.filter(pk=note.pk, version=version)
    if (note.title, note.body, note.version) == (title, body, version):
        return note
    now = timezone.now()
    changes = {"title": title, "body": body, "updated_by": actor, "updated_at": now}
    if not rows.update(version=version + 1, **changes):
        raise _newer(note)
    note.refresh_from_db()
    _keep_version(note)
    return note


def _keep_version(note: Note) -> None:
    NoteVersion.objects.create(
        note=note,
        version=note.version,
        title=note.title,
        body=note.body,
        saved_by=note.updated_by,
        saved_at=note.updated_at,
    )


def _newer(note: Note) -> ConflictError:
    note.refresh_from_db()
    who = note.updated_by.username if note.updated_by else "Somebody"
    return ConflictError(
        f"{who} saved version {note.version} of this note meanwhile: look at it, then save yours "
        f"over it by sending version {note.version}, or take theirs. Nothing was changed.",
        path="version",
        code="note_changed",
    )


def _title(title: str) -> str:
    """Raises InvalidError at the field "title"."""
    try:
        return checked_name(title, "the note")
    except InvalidError as error:
        raise InvalidError(error.detail, path="title") from error
