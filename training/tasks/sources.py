"""Where the files of a task are: on this machine, or in a dataset on the Hugging Face hub."""

from __future__ import annotations

from glob import glob
from pathlib import Path

from training.config import FromFilesConfig
from training.tasks.problem import TaskError


def find_files(config: FromFilesConfig, path: str, field: str) -> list[Path]:
    """The files that `path` means, in the order of their names; `*` stands for any part of a name.

    Raises TaskError, which names `field`.
    """
    if config.dataset is not None:
        return _from_hub(config.dataset, path, field)
    found = _matching(Path(), path)
    if not found:
        raise TaskError(f"{field}: there is no file {path} on this machine.")
    return found


def _matching(folder: Path, path: str) -> list[Path]:
    whole = folder / Path(path).expanduser()
    if whole.is_file():
        return [whole]
    found = map(Path, glob(str(whole)))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return sorted(path for path in found if path.is_file())


def _from_hub(dataset: str, path: str, field: str) -> list[Path]:
    """Its files in the hub's cache on this machine, fetched first where they are not there."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow, and seldom needed
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    def fetch(*, here: bool) -> list[Path]:
        folder = snapshot_download(
            dataset, repo_type="dataset", allow_patterns=[path, "README.md"], local_files_only=here
        )
        return _matching(Path(folder), path)

    try:
        try:
            found = fetch(here=True)
        except LocalEntryNotFoundError:
            found = []
        found = found or fetch(here=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        table = field.rpartition(".")[0]
        raise TaskError(
            f"{table}.dataset: {path} of “{dataset}” is not in this machine's cache, and the "
            f"Hugging Face hub does not give it: {reason}"
        ) from error
    if not found:
        raise TaskError(
            f"{field}: the dataset “{dataset}” has no file {path}, neither on the hub nor in this "
            "machine's cache."
        )
    return found
