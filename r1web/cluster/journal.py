"""The journal of a run that has ended is kept compressed; one that goes on gets it back."""

import gzip
import os
import shutil
from pathlib import Path

JOURNAL = "events.jsonl"
COMPRESSED = "events.jsonl.gz"


def compress_journal(folder: Path) -> bool:
    """Put the compressed journal in the journal's place; False when there is none to compress.

    Hold the run (`only_one`) meanwhile. Whoever dies in between leaves the journal itself.
    """
    plain = folder / JOURNAL
    if not plain.exists():
        return False
    beside = folder / f".{COMPRESSED}"
    with plain.open("rb") as source, beside.open("wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb") as target:
            shutil.copyfileobj(source, target)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / COMPRESSED)
    plain.unlink()
    return True


def open_journal(folder: Path) -> None:
    """Put the journal back, as it was, for a trainer that goes on with it."""
    compressed, plain = folder / COMPRESSED, folder / JOURNAL
    if not compressed.exists():
        return
    if not plain.exists():
        beside = folder / f".{JOURNAL}"
        with gzip.open(compressed, "rb") as source, beside.open("wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(plain)
    compressed.unlink()
