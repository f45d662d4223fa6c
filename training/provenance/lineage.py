"""A checkpoint's line of parents: followed from directory to directory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training import checkpoint
from training.base_models import is_shipped
from training.checkpoint import Checkpoint, Manifest
from training.events import Stretch, WeightsOrigin
from training.provenance.files import described, sum_of

_HUB_CACHE = "snapshots"
_PATTERNS = ("*.safetensors", "*.json", "*.model", "*.jinja")


@dataclass(frozen=True)
class Parent:
    """One step of the line: work that an attempt did, or what stands at its beginning."""

    path: Path
    stretch: Stretch | None
    step: int | None
    """Of the checkpoint that the work has led to."""
    said: str = ""
    """What the line ends with, or what is wrong here; a sentence."""


def origin_of(directory: Path) -> WeightsOrigin:
    """Of the model directory that a stage begins with. Raises OSError."""
    where = str(directory)
    if is_shipped(directory):
        return WeightsOrigin(kind="shipped", path=directory.name, sha256=_sum(directory))
    if (directory.parent / checkpoint.MANIFEST).is_file():
        return checkpoint_origin(directory.parent)
    kind = "hub" if directory.parent.name == _HUB_CACHE else "directory"
    return WeightsOrigin.model_validate({"kind": kind, "path": where, "sha256": _sum(directory)})


def checkpoint_origin(path: Path) -> WeightsOrigin:
    """Raises OSError."""
    return WeightsOrigin(kind="checkpoint", path=str(path.absolute()), sha256=_manifest_sum(path))


def lineage_of(start: Checkpoint | None, stretch: Stretch) -> list[Stretch]:
    """What a checkpoint's manifest holds: all attempts' parts in its stage, the newest last."""
    return [*(start.manifest.lineage if start else []), stretch]


def parents(path: Path) -> Iterator[Parent]:
    """From a checkpoint, or the weights in one, back to the first parent; the newest first.

    Raises CheckpointError where `path` itself is none.
    """
    here = path.parent if path.name == checkpoint.WEIGHTS else path
    manifest: Manifest | None = checkpoint.read_manifest(here)
    seen: set[Path] = set()
    while manifest is not None:
        seen.add(here.resolve())
        if not manifest.lineage:
            yield Parent(here, None, manifest.step, "It does not say how it was made.")
            return
        steps = [*(each.after_step for each in manifest.lineage[1:]), manifest.step]
        for stretch, step in reversed(list(zip(manifest.lineage, steps, strict=True))):
            yield Parent(here, stretch, step)
        first = manifest.lineage[0].parent
        here = Path(first.path)
        if first.kind != "checkpoint" or here.resolve() in seen:
            yield Parent(here, None, None, _beginning(first))
            return
        manifest, said = _followed(first)
        if said:
            yield Parent(here, None, None, said)


def _followed(origin: WeightsOrigin) -> tuple[Manifest | None, str]:
    """The parent's manifest, and what is to be said of it."""
    path = Path(origin.path)
    if not path.is_dir():
        return None, "This checkpoint is not there any more; the line cannot be followed further."
    try:
        manifest = checkpoint.read_manifest(path)
    except checkpoint.CheckpointError as error:
        return None, str(error)
    if origin.sha256 != _manifest_sum(path):
        return None, "Another checkpoint lies in its place now: its manifest has another SHA-256."
    return manifest, ""


def _beginning(origin: WeightsOrigin) -> str:
    what = {"shipped": "Shipped with the trainer", "hub": "From the Hugging Face hub"}
    return f"{what.get(origin.kind, 'A model directory')}, SHA-256 {origin.sha256}."


def _manifest_sum(path: Path) -> str:
    return hashlib.sha256((path / checkpoint.MANIFEST).read_bytes()).hexdigest()


def _sum(directory: Path) -> str:
    paths = sorted({path for pattern in _PATTERNS for path in directory.glob(pattern)})
    return sum_of(described(paths))
