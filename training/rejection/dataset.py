"""What a stage has made: RUN_DIR/datasets/STAGE.jsonl, a row for each completion that was kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

DIRECTORY = "datasets"


def path_of(run_dir: Path, stage: str) -> Path:
    return run_dir / DIRECTORY / f"{stage}.jsonl"


class Dataset:
    """The rows of a stage, in the order of their steps."""

    def __init__(self, path: Path, before: int, step: int) -> None:
        """Go on after `step` of the stage, which begins after the run's step `before`: rows of
        later steps are of an attempt that was left behind."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = 0
        fresh = path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            for line in _until(path, before + step) if step and path.exists() else ():
                file.write(line)
                self.rows += 1
        fresh.replace(path)

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows, each with its `step`, and see them on disk."""
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        self.rows += len(lines)

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _until(path: Path, step: int) -> Iterator[str]:
    """Lines of steps up to this one of the run."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                if json.loads(line)["step"] <= step:
                    yield line
            except ValueError:
                return  # torn when the process was killed
