"""DIR of a release: a Hugging Face directory, whole or not there at all.

release.json    from what it was made, how it was checked, each file's size and SHA-256
README.md       the model card
and what transformers reads
"""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from training import checkpoint
from training.checkpoint import File
from training.cli.errors import UserError

RELEASE = "release.json"


class Asked(BaseModel):
    """What makes two exports the same."""

    dtype: str
    source: str
    """SHA-256 over names and SHA-256 of the files it is made from."""
    card: str
    """SHA-256 of the model card that was given; empty: it is made here."""


class Release(BaseModel):
    asked: Asked
    checked: str
    """What the check has shown, one sentence."""
    files: dict[str, File]


def digest_of(directory: Path) -> str:
    """SHA-256 over names and contents of the files in `directory`. Raises OSError."""
    lines = [f"{file.sha256} {name}\n" for name, file in checkpoint.files_of(directory).items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def already_there(out: Path, asked: Asked) -> bool:
    """Whether `out` is this very export, whole. Raises UserError when it is something else."""
    if not out.exists():
        return False
    try:
        release = Release.model_validate_json((out / RELEASE).read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(
            f"--out: {out} is there and no finished export: choose another directory, or remove it."
        ) from error
    if release.asked != asked:
        raise UserError(
            f"--out: {out} holds another export ({release.asked.dtype}): choose another directory, "
            "or remove it."
        )
    if _files(out) != release.files:
        raise UserError(f"--out: files of {out} were changed since it was made: remove it.")
    return True


def write(out: Path, asked: Asked, fill: Callable[[Path], str]) -> None:
    """Have `fill` write a directory beside `out` and check it; seal it and move it into place.

    `fill` returns what its check has shown. Whatever it raises leaves nothing behind.
    """
    _sweep(out)
    with _partial(out) as partial:
        checked = fill(partial)
        release = Release(asked=asked, checked=checked, files=_files(partial))
        text = release.model_dump_json(indent=2) + "\n"
        checkpoint.write_durably(partial / RELEASE, text)
        try:
            partial.rename(out)
        except OSError as error:
            others = error.errno in {errno.ENOTEMPTY, errno.EEXIST} and already_there(out, asked)
            if not others:
                raise


@contextmanager
def _partial(out: Path) -> Iterator[Path]:
    """A directory beside `out` for this process alone, of which nothing is left there."""
    partial, lock = _begin(out)
    try:
        yield partial
    finally:
        checkpoint.abandon(partial)
        os.close(lock)


def _begin(out: Path) -> tuple[Path, int]:
    """Locked for as long as this process lives, or the lock is closed."""
    while True:
        partial = out.with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
        partial.mkdir(parents=True)
        lock = os.open(partial, os.O_RDONLY)
        with suppress(OSError):  # a file system without locks: then nobody sweeps either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if partial.exists():  # nobody has swept it before it was locked
            return partial, lock
        os.close(lock)


def _sweep(out: Path) -> None:
    """Remove what exports to `out` have left that were killed: nobody holds its lock any more."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.partial"):
        with suppress(OSError):  # it is held, or was just moved into place
            lock = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                checkpoint.abandon(left)
            finally:
                os.close(lock)


def _files(directory: Path) -> dict[str, File]:
    found = checkpoint.files_of(directory)
    found.pop(RELEASE, None)
    return found
