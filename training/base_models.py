"""Where a run's weights come from: a model that ships with the project, or a directory."""

from __future__ import annotations

from pathlib import Path

from training.checkpoint import weights_directory

_SHIPPED = Path(__file__).parent / "base"


class StartError(ValueError):
    """There is no model to start from; the message names the config field."""


def find_model(path: str) -> Path:
    """The Hugging Face directory that `model.path` means: a name, a checkpoint or a directory."""
    shipped = {found.name: found for found in sorted(_SHIPPED.iterdir()) if found.is_dir()}
    if path in shipped:
        return shipped[path]
    directory = weights_directory(Path(path).expanduser())
    if not (directory / "config.json").is_file():
        names = ", ".join(shipped)
        raise StartError(
            f"model.path: “{path}” is neither a shipped model ({names}) nor a directory with a "
            "model in it; it may have been deleted."
        )
    return directory
