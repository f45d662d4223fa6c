"""What views and notes share: they are deleted, brought back, and in the end forgotten."""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from r1web.compare.models import Note, SavedView
from r1web.compare.selectors import deleted_before

BATCH = 1000


def remove(*, row: SavedView | Note) -> None:
    """Take it off the lists; `restore` brings it back."""
    row.deleted_at = timezone.now()
    row.save(update_fields=["deleted_at"])


def restore(*, row: SavedView | Note) -> None:
    row.deleted_at = None
    row.save(update_fields=["deleted_at"])


def forget(*, deleted: datetime) -> Iterator[None]:
    """Remove what was deleted before that moment, piece by piece."""
    for found in deleted_before(deleted):
        while keys := list(found.order_by().values_list("pk", flat=True)[:BATCH]):
            found.model._base_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's name for it
            yield
