"""Bring the database to what the code expects."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

from r1web.local.errors import CannotStartError


def pending_migrations() -> int:
    """How many migrations the database still lacks.

    Raises:
        CannotStartError: the database does not answer.
    """
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        cause = str(error).partition("\n")[0]
        raise CannotStartError(
            f"The database does not answer ({cause}): start it, or correct DATABASE_URL, or unset "
            "it to use SQLite."
        ) from error
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)
