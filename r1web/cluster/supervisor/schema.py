"""Whether the database has been migrated under a process that goes on with the code of before."""

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max


class MigratedError(Exception):
    """A process of the release that the database now belongs to has to take over."""


class Schema:
    """What this process found when it first reached the database."""

    def __init__(self) -> None:
        self._newest: int | None = None

    def note(self) -> None:
        """To be called early, and as often as one likes."""
        if self._newest is None:
            self._newest = _newest_migration()

    def check(self) -> None:
        """Raises MigratedError when it is another one now."""
        if self._newest is not None and _newest_migration() != self._newest:
            raise MigratedError


def _newest_migration() -> int:
    """Number of the migration that was applied last."""
    applied = MigrationRecorder(connection).migration_qs.aggregate(newest=Max("id"))
    return applied["newest"] or 0
