"""`manage.py backup TARGET`: the database and the runs' directories in one file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from r1web.operations.backup import BackupError
from r1web.operations.backup.write import write_backup


class Command(BaseCommand):
    help = "Write a backup, also while r1web runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", type=Path, help="the file to write, such as r1web.tar.gz")
        parser.add_argument(
            "--checkpoints", action="store_true", help="with checkpoints, which take the most room"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            written = write_backup(target=options["target"], checkpoints=options["checkpoints"])
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{options['target']}: {written.rows} rows, {written.files} files, "
            f"{written.bytes / 1024**2:.1f} MiB"
        )
        if written.vanished:
            self.stdout.write(f"{written.vanished} files were removed by runs meanwhile.")
