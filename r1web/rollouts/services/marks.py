"""Stars and notes. Who may set them the caller has found out."""

from django.utils import timezone

from r1web.accounts.models import User
from r1web.errors import InvalidError
from r1web.rollouts.models import CompletionNote, Star
from r1web.rollouts.selectors import Found

MOST_NOTES = 200


def star(*, found: Found, user: User) -> None:
    """Once or often, it is the same star."""
    Star.objects.get_or_create(user=user, group=found.group, index=found.completion.index)


def unstar(*, found: Found, user: User) -> None:
    Star.objects.filter(user=user, group=found.group, index=found.completion.index).delete()


def add_note(*, found: Found, author: User, body: str) -> CompletionNote:
    """Raises InvalidError where there are too many already."""
    index = found.completion.index
    if CompletionNote.objects.filter(group=found.group, index=index).count() >= MOST_NOTES:
        raise InvalidError(f"This completion has {MOST_NOTES} notes: delete some.", path="body")
    return CompletionNote.objects.create(group=found.group, index=index, author=author, body=body)


def edit_note(*, note: CompletionNote, body: str) -> CompletionNote:
    if note.body != body:
        note.body, note.edited_at = body, timezone.now()
        note.save(update_fields=["body", "edited_at"])
    return note


def remove_note(*, note: CompletionNote) -> None:
    note.delete()
