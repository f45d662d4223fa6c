"""Checkpoints: RUN_DIR/checkpoints/step-000050/, whole or not there at all.

    manifest.json   what is in it, with each file's size and SHA-256; written last
    weights/        Hugging Face directory, ready to be served or to start another run from
    reference/      likewise the reference policy, where there is one
    engine/         DeepSpeed's state: master weights, moments, buffers; one part a process
    rollouts/       what was sampled and not trained on yet, and the curriculum; one part a process

Everything random in a run follows from its seed and from numbers that count on, so these numbers
are all of the random state that has to be kept.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from training.config import PLAIN, CheckpointConfig
from training.events import Stretch

DIRECTORY = "checkpoints"
MANIFEST = "manifest.json"
WEIGHTS, REFERENCE, ENGINE, ROLLOUTS = "weights", "reference", "engine", "rollouts"
_NAME = re.compile(r"step-(\d{6,})")


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or made for another job; the message says which."""


class File(BaseModel):
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """How a checkpoint was made, and every file of it."""

    step: int
    stage: str = PLAIN
    ends_stage: bool = False
    """What a stage of a pipeline has left: later ones begin with it, so it stays."""
    tokens_total: int
    skipped_total: int = 0
    processes: int
    zero_stage: int
    expert_parallel: int = 1
    dtype: str
    score: float | None = None
    """Held-out pass@1 of this very step, where it was measured."""
    lineage: list[Stretch] = []
    """How it was made: what each attempt did of its stage, the newest last. Empty in checkpoints
    that are older than this."""
    files: dict[str, File] = {}


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


def abandon(partial: Path) -> None:
    shutil.rmtree(partial, ignore_errors=True)


def commit(partial: Path, manifest: Manifest, keep: CheckpointConfig) -> Written:
    """Seal the directory with `manifest`, to which its files are added; move it into place, and
    prune those that `keep` does not ask for."""
    files = files_of(partial)
    sealed = manifest.model_copy(update={"files": files})
    write_durably(partial / MANIFEST, sealed.model_dump_json(indent=2) + "\n")
    final = partial.parent / f"step-{manifest.step:06d}"
    if final.exists():  # of an attempt that was left behind
        shutil.rmtree(final)
    partial.rename(final)
    size = sum(file.bytes for file in files.values())
    return Written(final, size, _prune(final.parents[1], keep))


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
    manifest = read_manifest(path)
    _check_sizes(path, manifest)  # at once, where hashing would take minutes to tell
    present = files_of(path)
    for name, file in manifest.files.items():
        if present[name] != file:
            raise CheckpointError(f"{path / name} is damaged: its SHA-256 has changed.")
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


def read_manifest(path: Path) -> Manifest:
    """Raises CheckpointError."""
    try:
        return Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise CheckpointError(f"{path / MANIFEST} is missing or damaged.") from error


def _check_sizes(path: Path, manifest: Manifest) -> None:
    for name, file in manifest.files.items():
        present = path / name
        if not present.is_file() or present.stat().st_size != file.bytes:
            raise CheckpointError(f"{present} is missing or not {file.bytes} bytes long.")


def files_of(directory: Path) -> dict[str, File]:
    """Every file below but the manifest, read whole; several at a time."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST]
    paths.sort()
    with ThreadPoolExecutor() as pool:
        files = list(pool.map(_described, paths))
    return {str(path.relative_to(directory)): file for path, file in zip(paths, files, strict=True)}


def _described(path: Path) -> File:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return File(bytes=file.tell(), sha256=digest)


def write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _prune(run_dir: Path, keep: CheckpointConfig) -> list[Path]:
    known = steps(run_dir)
    readable = _manifests(run_dir, known)
    kept = set(known[-keep.keep_last :]) | set(_best(readable, keep.keep_best))
    kept |= {step for step, manifest in readable.items() if manifest.ends_stage}
    if keep.keep_every_steps:
        kept |= {step for step in known if step % keep.keep_every_steps == 0}
    removed = [path_of(run_dir, step) for step in known if step not in kept]
    for path in removed:
        shutil.rmtree(path)
    return removed


def _manifests(run_dir: Path, known: list[int]) -> dict[int, Manifest]:
    """By step, without the damaged ones, from which nobody can resume."""
    found = {}
    for step in known:
        try:
            found[step] = read_manifest(path_of(run_dir, step))
        except CheckpointError:
            continue
    return found


def _best(manifests: dict[int, Manifest], count: int) -> list[int]:
    """Steps with the highest scores of each stage; of equal ones the later. Stages may differ in
    what they are scored on."""
    best: list[int] = []
    for stage in {manifest.stage for manifest in manifests.values()}:
        scored = [
            (manifest.score, step)
            for step, manifest in manifests.items()
            if manifest.stage == stage and manifest.score is not None
        ]
        best += [step for _, step in sorted(scored, reverse=True)[:count]]
    return best
