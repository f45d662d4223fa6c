"""Where a run's weights come from: a model that ships with the project, a directory, or a name on
the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from training.checkpoint import weights_directory

_SHIPPED = Path(__file__).parent / "base"
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]*[\w-]")
_HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""What loading reads; never the weights' other forms, and never code."""


class StartError(ValueError):
    """There is no model to start from; the message names the config field."""


def find_model(path: str) -> Path:
    """The Hugging Face directory that `model.path` means: a shipped model's name, a checkpoint, a
    directory, or `owner/name` on the hub, from this machine's cache of it where it is there.

    Raises StartError.
    """
    shipped = {found.name: found for found in sorted(_SHIPPED.iterdir()) if found.is_dir()}
    if path in shipped:
        return shipped[path]
    directory = weights_directory(Path(path).expanduser())
    if not directory.exists() and _HUB_NAME.fullmatch(path):
        return _from_hub(path)
    if not (directory / "config.json").is_file():
        names = ", ".join(shipped)
        raise StartError(
            f"model.path: “{path}” is neither a shipped model ({names}) nor a directory with a "
            "model in it; it may have been deleted."
        )
    return directory


def is_shipped(directory: Path) -> bool:
    """Whether it is one of the models that ship with the project."""
    return directory.parent == _SHIPPED


def _from_hub(name: str) -> Path:
    """Its snapshot in the hub's cache on this machine, fetched first where it is not there."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow, and seldom needed
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        try:
            found = snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True)
        except LocalEntryNotFoundError:
            found = snapshot_download(name, allow_patterns=_HUB_FILES)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StartError(
            f"model.path: “{name}” is no directory here, and the Hugging Face hub does not give "
            f"it: {reason}"
        ) from error
    return Path(found)
