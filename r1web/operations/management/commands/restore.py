"""`manage.py restore ARCHIVE`: put a backup back, whole or not at all."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from r1web.operations.backup import BackupError
from r1web.operations.backup.restore import restore_backup


class Command(BaseCommand):
    help = "Fill an empty, migrated database and the runs' folder from a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("archive", type=Path)
        parser.add_argument(
            "--replace",
            action="store_true",
            help="lose what the database has, and put the runs' directories aside",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            restored = restore_backup(archive=options["archive"], replace=options["replace"])
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored {restored.rows} rows and the runs' files.")
        if restored.checkpoints_missing:
            self.stdout.write(
                f"{restored.checkpoints_missing} checkpoints are not in the archive: they count as "
                "removed."
            )
        if restored.put_aside:
            self.stdout.write(f"The runs' directories from before are in {restored.put_aside}.")
