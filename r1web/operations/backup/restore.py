"""Puts a backup back: all of it, or nothing."""

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.cluster.selectors import reachable_nodes
from r1web.operations.backup import ROWS, BackupError, rows
from r1web.operations.backup.archive import unpack
from r1web.runs.models import Attempt, Checkpoint

HEARD_WITHIN = timedelta(seconds=20)


@dataclass(frozen=True)
class Restored:
    rows: int
    checkpoints_missing: int
    """Checkpoints the rows know of and the archive has not: they are marked as removed."""
    put_aside: Path | None
    """Where the runs' directories are that were there before."""


def restore_backup(*, archive: Path, replace: bool) -> Restored:
    """Fill the database and the runs' folder from an archive.

    What is in the archive is checked and laid down beside the place first; then the rows are
    written in one transaction that commits when the files are in their place.

    Raises:
        BackupError: the archive is damaged or of another release, r1web runs, or there is data
            already and `replace` is false. Everything is as it was.
    """
    _refuse_while_running()
    if not replace:
        _refuse_unless_empty()
    runs = settings.R1WEB_RUNS_DIR
    runs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=runs.parent) as scratch:
        folder = Path(scratch)
        manifest = unpack(archive, folder)
        _refuse_other_tables(manifest["migrations"])
        (folder / "runs").mkdir(exist_ok=True)
        place = Placing(folder / "runs", runs)
        try:
            with place, transaction.atomic():
                with (folder / ROWS).open("rb") as lines:
                    counts = rows.load(lines)
                missing = _mark_missing(folder / "runs")
                place.swap()
        except (DatabaseError, OSError, ValueError) as error:
            raise BackupError(f"Nothing was restored: {error}.") from error
    return Restored(sum(counts.values()), missing, place.put_aside)


def _refuse_while_running() -> None:
    since = timezone.now() - HEARD_WITHIN
    supervised = Attempt.objects.filter(ended_at=None, heartbeat_at__gte=since)
    if reachable_nodes().exists() or supervised.exists():
        raise BackupError(
            "Workers or runs were heard in the last 20 seconds: stop r1web and its runs, then "
            "restore."
        )


def _refuse_unless_empty() -> None:
    runs = settings.R1WEB_RUNS_DIR
    if User.objects.exists() or Project.objects.exists():
        raise BackupError(
            "The database has data already: name an empty one by DATABASE_URL, or say --replace "
            "to lose what it has."
        )
    if runs.is_dir() and any(runs.iterdir()):
        raise BackupError(
            f"{runs} has runs already: set R1WEB_HOME to another folder, or say --replace to put "
            "them aside."
        )


def _refuse_other_tables(theirs: list[str]) -> None:
    ours = rows.migrations()
    if theirs != ours:
        differ = ", ".join(sorted(set(ours) ^ set(theirs))[:5])
        raise BackupError(
            f"The archive is of another release (migrations that differ: {differ}): restore it "
            "with the release that made it, then migrate."
        )


def _mark_missing(runs: Path) -> int:
    """Mark checkpoints as removed whose files did not come along, so that nothing starts there."""
    present = Checkpoint.objects.filter(deleted_at=None).select_related("run")
    missing = [
        checkpoint.pk
        for checkpoint in present
        if not (runs / checkpoint.run.directory_name / checkpoint.path).exists()
    ]
    return Checkpoint.objects.filter(pk__in=missing).update(deleted_at=timezone.now())


class Placing:
    """Gives the restored folder the place of the runs, and takes that back when a step after it
    raises."""

    def __init__(self, restored: Path, runs: Path) -> None:
        self._restored = restored
        self._runs = runs
        self._done = False
        self.put_aside: Path | None = None
        """Where the folder is that was there before, when it held anything."""

    def swap(self) -> None:
        if self._runs.is_dir() and any(self._runs.iterdir()):
            aside = self._runs.with_name(f"{self._runs.name}-before-{timezone.now():%Y%m%d-%H%M%S}")
            self.put_aside = self._runs.rename(aside)
        self._restored.replace(self._runs)  # in place of an empty folder, too
        self._done = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        if self._done:
            self._runs.replace(self._restored)
        if self.put_aside is not None:
            self.put_aside.rename(self._runs)
