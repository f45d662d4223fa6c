"""DIR of a release: a Hugging Face directory, whole or not there at all.

release.json    from what it was made, how it was checked, each file's size and SHA-256
README.md       the model card
and what transformers reads
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
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
    partial = out.with_name(f".{out.name}.partial")
    checkpoint.begin(partial)
    try:
        checked = fill(partial)
        release = Release(asked=asked, checked=checked, files=_files(partial))
        text = release.model_dump_json(indent=2) + "\n"
        checkpoint.write_durably(partial / RELEASE, text)
        partial.rename(out)
    except BaseException:
        checkpoint.abandon(partial)
        raise


def _files(directory: Path) -> dict[str, File]:
    found = checkpoint.files_of(directory)
    found.pop(RELEASE, None)
    return found
