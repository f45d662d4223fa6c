"""Saved views and notes: those a user may see, and how they are answered."""

from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from r1web.accounts.models import Project, User
from r1web.accounts.selectors import CHANGERS, require_change, role_in
from r1web.compare.models import Note, NoteVersion, SavedView
from r1web.compare.schemas import NoteOut, NoteRow, VersionOut, VersionRow, ViewOut
from r1web.errors import NotFoundError

Row = TypeVar("Row", SavedView, Note)


def views_of(project: Project) -> QuerySet[SavedView]:
    views = SavedView.objects.filter(project=project, deleted_at=None)
    return views.select_related("project", "created_by")


def notes_of(project: Project) -> QuerySet[Note]:
    notes = Note.objects.filter(project=project, deleted_at=None)
    return notes.select_related("project", "created_by", "updated_by").defer("body")


def visible_view(user: User, view_id: int) -> SavedView:
    """Raises NotFoundError."""
    return _visible(SavedView, user, view_id, deleted=False)


def changeable_view(user: User, view_id: int) -> SavedView:
    """Raises NotFoundError, or ForbiddenError for a viewer of the project."""
    return _changeable(SavedView, user, view_id, deleted=False)


def restorable_view(user: User, view_id: int) -> SavedView:
    """A deleted one. Raises as above."""
    return _changeable(SavedView, user, view_id, deleted=True)


def visible_note(user: User, note_id: int) -> Note:
    """Raises NotFoundError."""
    return _visible(Note, user, note_id, deleted=False)


def changeable_note(user: User, note_id: int) -> Note:
    """Raises NotFoundError, or ForbiddenError for a viewer of the project."""
    return _changeable(Note, user, note_id, deleted=False)


def restorable_note(user: User, note_id: int) -> Note:
    """A deleted one. Raises as above."""
    return _changeable(Note, user, note_id, deleted=True)


def version_of(note: Note, version: int) -> NoteVersion:
    """Raises NotFoundError."""
    found = note.versions.select_related("saved_by").filter(version=version).first()
    if found is None:
        raise NotFoundError(f"This note has no version {version}.")
    return found


def deleted_before(moment: datetime) -> tuple[QuerySet[Model], ...]:
    """What cannot be brought back any more."""
    return (
        NoteVersion.objects.filter(note__deleted_at__lt=moment),
        Note.objects.filter(deleted_at__lt=moment),
        SavedView.objects.filter(deleted_at__lt=moment),
    )


def view_out(view: SavedView) -> ViewOut:
    return ViewOut(
        id=view.pk,
        project=view.project.slug,
        name=view.name,
        query=view.query,
        created_by=_name(view.created_by),
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def note_row(note: Note) -> NoteRow:
    return NoteRow(
        id=note.pk,
        project=note.project.slug,
        title=note.title,
        version=note.version,
        created_by=_name(note.created_by),
        created_at=note.created_at,
        updated_by=_name(note.updated_by),
        updated_at=note.updated_at,
    )


def note_out(note: Note, user: User) -> NoteOut:
    """What `user` is shown of it."""
    may_change = role_in(user, note.project) in CHANGERS
    return NoteOut(**note_row(note).model_dump(), body=note.body, may_change=may_change)


def version_row(version: NoteVersion) -> VersionRow:
    return VersionRow(
        version=version.version,
        title=version.title,
        saved_by=_name(version.saved_by),
        saved_at=version.saved_at,
    )


def version_out(version: NoteVersion) -> VersionOut:
    return VersionOut(**version_row(version).model_dump(), body=version.body)


def _visible(model: type[Row], user: User, pk: int, *, deleted: bool) -> Row:
    rows = model._default_manager.filter(  # noqa: SLF001 - Django's documented name for it
        project__memberships__user=user, deleted_at__isnull=not deleted
    )
    found = rows.select_related("project", "created_by").filter(pk=pk).first()
    if found is None:
        what = model._meta.verbose_name  # noqa: SLF001 - likewise
        raise NotFoundError(f"There is no {what} {pk} that you may see.")
    return found


def _changeable(model: type[Row], user: User, pk: int, *, deleted: bool) -> Row:
    found = _visible(model, user, pk, deleted=deleted)
    require_change(user, found.project)
    return found


def _name(user: User | None) -> str | None:
    return user.username if user else None
