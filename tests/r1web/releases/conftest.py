"""Checkpoints with a model in them, and releases that are ready."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1web.accounts.models import User
from r1web.releases.models import Release
from r1web.runs.models import Checkpoint, Run, State
from tests.r1web.cluster.conftest import (
    broker,
    home,
    make_node,
    start_worker,
)

__all__ = ["broker", "home", "make_node", "start_worker"]
MODEL = Path("training/base/nano-base")


@pytest.fixture
def checkpoint(
    make_run: Callable[..., Run], make_checkpoint: Callable[..., Checkpoint]
) -> Checkpoint:
    """Of a finished run, with the weights of nano-base."""
    return with_weights(make_checkpoint(make_run(State.FINISHED)))


def with_weights(checkpoint: Checkpoint) -> Checkpoint:
    shutil.copytree(MODEL, folder_of(checkpoint.run) / checkpoint.path / "weights")
    return checkpoint


def folder_of(run: Run) -> Path:
    from django.conf import settings  # noqa: PLC0415 - as the test has set them

    folder: Path = settings.R1WEB_RUNS_DIR / run.directory_name
    return folder


@pytest.fixture
def make_ready(checkpoint: Checkpoint, owner: User) -> Callable[..., Release]:
    """A release of these files, as if it had been exported."""

    def make(files: dict[str, bytes], **fields: Any) -> Release:
        release = Release.objects.create(
            run=checkpoint.run, checkpoint=checkpoint, dtype="bf16", state="ready", asked_by=owner,
            node="laptop", files={name: _described(content) for name, content in files.items()},
            **fields,
        )  # fmt: skip
        for name, content in files.items():
            path = folder_of(release.run) / release.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return release

    return make


def _described(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
