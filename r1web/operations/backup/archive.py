"""A tar whose last member lists the SHA-256 of the others."""

import hashlib
import io
import json
import tarfile
import time
from pathlib import Path, PurePosixPath
from typing import IO, Any

from r1web.operations.backup import MANIFEST, BackupError

CHUNK_BYTES = 1024 * 1024
COMPRESSION = 1
"""Weights hardly shrink and journals shrink at once: more effort only takes longer."""


class Hashing:
    """Reads a file, and knows the SHA-256 of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        return self._hash.hexdigest()


class Writer:
    """Writes an archive into an open file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION)  # noqa: SIM115 - closed by finish
        self._sums: dict[str, str] = {}

    def add(self, name: str, file: IO[bytes], size: int) -> None:
        """The first `size` bytes of `file`, which may grow meanwhile, but not shrink."""
        reader = Hashing(file)
        self._tar.addfile(self._entry(name, size), reader)
        self._sums[name] = reader.digest()

    def finish(self, facts: dict[str, Any]) -> None:
        """Write the manifest and the end of the archive."""
        body = json.dumps({**facts, "sha256": self._sums}, indent=1).encode()
        self._tar.addfile(self._entry(MANIFEST, len(body)), io.BytesIO(body))
        self._tar.close()

    @staticmethod
    def _entry(name: str, size: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o644, int(time.time())
        return entry


def unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Lay all members down below `folder`, an empty one; the manifest, once they agree with it.

    Raises:
        BackupError: it is no archive, or not what was written.
    """
    sums: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isfile() else None
                if file is None or not _is_below(entry.name):
                    raise _damaged(archive, f"it holds “{entry.name}”, which no backup does")
                if entry.name == MANIFEST:
                    manifest = json.load(file)
                else:
                    sums[entry.name] = _lay_down(file, folder / entry.name)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise BackupError(f"{archive} cannot be read: {error.strerror}.") from error
        raise _damaged(archive, str(error)) from error
    if manifest is None:
        raise _damaged(archive, "its end is missing")
    changed = {name for name, _ in sums.items() ^ manifest["sha256"].items()}
    if changed:
        raise _damaged(archive, f"“{min(changed)}” is not what was written")
    return manifest


def _lay_down(file: IO[bytes], path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    reader = Hashing(file)
    with path.open("xb") as out:
        while chunk := reader.read(CHUNK_BYTES):
            out.write(chunk)
    return reader.digest()


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _damaged(archive: Path, why: str) -> BackupError:
    return BackupError(f"{archive} is damaged or no backup of r1web ({why}): use another one.")
