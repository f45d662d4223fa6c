"""Whether the database has been migrated under a process that goes on with the code of before."""

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max


class MigratedError(Exception):
    """A process of the release that the database now belongs to has to take over."""


def newest_migration() -> int:
    """Number of the migration that was applied last."""
    applied = MigrationRecorder(connection).migration_qs.aggregate(newest=Max("id"))
    return applied["newest"] or 0
