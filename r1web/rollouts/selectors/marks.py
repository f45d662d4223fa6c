"""Reads stars and notes."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from r1web.accounts.models import User
from r1web.errors import ForbiddenError, NotFoundError
from r1web.rollouts.models import CompletionNote, Group, Star
from r1web.rollouts.selectors.listing import Found, groups_of
from r1web.runs.selectors import may_change, visible_runs

Key = tuple[int, int]
"""A group's key, and a place in it."""


@dataclass(frozen=True)
class Marks:
    """What a user sees of some groups' completions."""

    starred: frozenset[Key]
    """By this user."""
    notes: Counter[Key]
    """How many, by anybody."""


def marks_of(user: User, groups: Collection[Group]) -> Marks:
    keys = {group.pk for group in groups}
    stars = Star.objects.filter(user=user, group__in=keys).values_list("group", "index")
    notes = CompletionNote.objects.filter(group__in=keys).values_list("group", "index")
    return Marks(frozenset(stars), Counter(notes.order_by()))


def starred_in(user: User, run_id: int) -> list[Key]:
    """The completions of a run that the user has starred."""
    return list(Star.objects.filter(user=user, group__run=run_id).values_list("group", "index"))


def starred(user: User) -> QuerySet[Star]:
    """The user's stars on completions of runs that he may see."""
    return Star.objects.filter(user=user, group__run__in=visible_runs(user))


def starred_completions(stars: Sequence[Star]) -> list[Found]:
    groups = groups_of(star.group_id for star in stars)
    found = [(groups[star.group_id], star.index) for star in stars]
    return [Found(group, group.completion(index)) for group, index in found]


def notes_of(found: Found) -> QuerySet[CompletionNote]:
    """The oldest first."""
    notes = CompletionNote.objects.select_related("author")
    return notes.filter(group=found.group, index=found.completion.index)


def own_note(user: User, note_id: int) -> CompletionNote:
    """A note that the user wrote. Raises NotFoundError for one that he may not see, and
    ForbiddenError for another's, or where he may no longer write."""
    notes = CompletionNote.objects.select_related("author", "group__run__project")
    note = notes.filter(pk=note_id, group__run__in=visible_runs(user)).first()
    if note is None:
        raise NotFoundError(f"There is no note {note_id} that you may see.")
    if note.author_id != user.pk:
        raise ForbiddenError("Only who wrote a note may change or delete it.")
    check_may_write(user, note.group)
    return note


def check_may_write(user: User, group: Group) -> None:
    """Raises ForbiddenError for who may only look."""
    if not may_change(user, group.run.project):
        raise ForbiddenError("You may look at this run's completions, but not write notes.")
