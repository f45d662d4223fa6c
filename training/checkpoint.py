"""Checkpoints: RUN_DIR/checkpoints/step-000050/, whole or not there at all.

    manifest.json   what is in it; written last
    weights/        Hugging Face directory, ready to be served or to start another run from
    reference/      likewise the reference policy, where there is one
    engine/         DeepSpeed's state: master weights, moments, buffers; one part a process

Everything random in a run follows from its seed and the step, so the step is all of the cursor and
of the random state that has to be kept.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

DIRECTORY = "checkpoints"
MANIFEST = "manifest.json"
WEIGHTS, REFERENCE, ENGINE = "weights", "reference", "engine"
_NAME = re.compile(r"step-(\d{6,})")


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or made for another job; the message says which."""


class Manifest(BaseModel):
    """How a checkpoint was made, and every file with its size in bytes."""

    step: int
    tokens_total: int
    processes: int
    zero_stage: int
    dtype: str
    files: dict[str, int]


@dataclass(frozen=True)
class Checkpoint:
    path: Path
    manifest: Manifest


@dataclass(frozen=True)
class Written:
    path: Path
    bytes: int
    removed: list[Path]


def path_of(run_dir: Path, step: int) -> Path:
    return run_dir / DIRECTORY / f"step-{step:06d}"


def partial_path(run_dir: Path, step: int) -> Path:
    """Where a checkpoint is written before `commit` puts it in its place."""
    return run_dir / DIRECTORY / f".step-{step:06d}.partial"


def begin(partial: Path) -> None:
    """Make the directory, empty."""
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)


def commit(
    partial: Path, *, step: int, tokens_total: int, processes: int, zero_stage: int, dtype: str,
    keep_last: int,
) -> Written:  # fmt: skip
    """Seal the directory, move it into place and prune all but the `keep_last` newest."""
    files = _files(partial)
    manifest = Manifest(
        step=step, tokens_total=tokens_total, processes=processes, zero_stage=zero_stage,
        dtype=dtype, files=files,
    )  # fmt: skip
    _write_durably(partial / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
    final = partial.parent / f"step-{step:06d}"
    if final.exists():  # of an attempt that was left behind
        shutil.rmtree(final)
    partial.rename(final)
    return Written(final, sum(files.values()), _prune(partial.parent, keep_last))


def steps(run_dir: Path) -> list[int]:
    """Steps of which there is a checkpoint, oldest first."""
    names = (_NAME.fullmatch(path.name) for path in (run_dir / DIRECTORY).glob("step-*"))
    return sorted(int(name[1]) for name in names if name)


def read(run_dir: Path, step: int) -> Checkpoint:
    """The checkpoint of `step`, checked file by file. Raises CheckpointError."""
    path = path_of(run_dir, step)
    if not path.is_dir():
        known = ", ".join(map(str, steps(run_dir))) or "none"
        raise CheckpointError(f"There is no checkpoint of step {step}; there are: {known}.")
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise CheckpointError(f"{path / MANIFEST} is missing or damaged.") from error
    present = _files(path)
    for name, size in manifest.files.items():
        if present.get(name) != size:
            raise CheckpointError(f"{path / name} is missing or not {size} bytes long.")
    return Checkpoint(path, manifest)


def latest(run_dir: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint; damaged ones are passed over, with a warning."""
    for step in reversed(steps(run_dir)):
        try:
            return read(run_dir, step)
        except CheckpointError as error:
            warn(f"Passing over a checkpoint: {error}")
    return None


def weights_directory(path: Path) -> Path:
    """Where the weights are in `path`: a checkpoint, or itself a Hugging Face directory."""
    return path / WEIGHTS if (path / WEIGHTS).is_dir() else path


def _files(directory: Path) -> dict[str, int]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(directory)): path.stat().st_size for path in sorted(paths)}


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _prune(directory: Path, keep_last: int) -> list[Path]:
    names = sorted(
        (int(name[1]), path)
        for path in directory.glob("step-*")
        if (name := _NAME.fullmatch(path.name))
    )
    removed = [path for _, path in names[:-keep_last]]
    for path in removed:
        shutil.rmtree(path)
    return removed
