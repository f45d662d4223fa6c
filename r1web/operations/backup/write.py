"""Writes a backup, while r1web runs or not."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

from r1web.operations.backup import ROWS, BackupError, rows
from r1web.operations.backup.archive import Writer

OF_PROCESSES = {"supervisor.lock", "launcher.json"}
"""Files that tell of processes on this machine, which mean nothing on another."""


@dataclass(frozen=True)
class Written:
    rows: int
    files: int
    bytes: int
    vanished: int
    """Files that a run removed while the backup was being written."""


def write_backup(*, target: Path, checkpoints: bool) -> Written:
    """Write the archive `target`, whole or not at all. Rows come first and files after them, so
    that a journal is never behind what the database knows of it.

    Raises:
        BackupError: the target exists or cannot be written.
    """
    if target.exists():
        raise BackupError(f"{target} exists: choose another name, or remove it.")
    try:
        with _beside(target) as file:
            return _write(file, target.parent, checkpoints=checkpoints)
    except OSError as error:
        raise BackupError(f"The backup could not be written: {error}.") from error


@contextmanager
def _beside(target: Path) -> Iterator[IO[bytes]]:
    """A file of mode 600 that takes its name when all is written, and else goes."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _write(file: IO[bytes], scratch: Path, *, checkpoints: bool) -> Written:
    writer = Writer(file)
    counts = _add_rows(writer, scratch)
    files = vanished = 0
    for path in _run_files(settings.R1WEB_RUNS_DIR, checkpoints=checkpoints):
        name = f"runs/{path.relative_to(settings.R1WEB_RUNS_DIR).as_posix()}"
        try:
            with path.open("rb") as source:
                writer.add(name, source, os.fstat(source.fileno()).st_size)
        except FileNotFoundError:
            vanished += 1
        else:
            files += 1
    writer.finish(
        {
            "made_at": timezone.now().isoformat(),
            "django": metadata.version("django"),
            "checkpoints": checkpoints,
            "migrations": rows.migrations(),
            "rows": counts,
        }
    )
    return Written(sum(counts.values()), files, file.tell(), vanished)


def _add_rows(writer: Writer, scratch: Path) -> dict[str, int]:
    """By way of a file: a tar has to know how long a member is before it begins."""
    with tempfile.TemporaryFile(dir=scratch) as dumped:
        counts = rows.dump(dumped)
        size = dumped.tell()
        dumped.seek(0)
        writer.add(ROWS, dumped, size)
    return counts


def _run_files(runs: Path, *, checkpoints: bool) -> Iterator[Path]:
    """Files of all runs, without what is just being written beside its place."""
    for folder, folders, names in os.walk(runs):
        here = Path(folder)
        of_run = here.parent == runs
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and (checkpoints or not of_run or name not in {"checkpoints", "releases"})
        )
        for name in sorted(names):
            passing = name.startswith(".") or (of_run and name in OF_PROCESSES)
            if not passing and not (here / name).is_symlink():
                yield here / name
