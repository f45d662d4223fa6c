"""Uploads a directory to a Hugging Face hub: HF_ENDPOINT's, or the one that everybody means."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from training.cli.errors import UserError

TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name
_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}")


class Destination(NamedTuple):
    repo: str
    token: str

    def __repr__(self) -> str:  # the token is never shown
        return self.repo


def destination(repo: str) -> Destination:
    """Where to push, with the token of the environment. Raises UserError."""
    if not _NAME.fullmatch(repo):
        raise UserError(f"--push: “{repo}” is no name of a repository: give owner/name.")
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise UserError(f"--push: set {TOKEN} in the environment to a token that may write {repo}.")
    return Destination(repo, token)


def push(directory: Path, to: Destination) -> str:
    """Upload all files, to a repository that is made private where there is none; its address.

    Files that an earlier try has brought there are not sent again. Raises UserError.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415 - slow, and seldom needed
    from huggingface_hub.errors import HTTPError  # noqa: PLC0415
    from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    api = HfApi(token=to.token)
    try:
        url = api.create_repo(to.repo, private=True, exist_ok=True)
        api.upload_folder(repo_id=to.repo, folder_path=directory, commit_message="Release")
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--push: {directory} is whole, but was not pushed to {to.repo}: "
            f"{_reason(error, to.token)}"
        ) from error
    return str(url)


def _reason(error: Exception, token: str) -> str:
    """What the hub says, in one line, without the token whatever it was put into."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("For more information")]
    return " ".join(told[:3] or [type(error).__name__]).replace(token, "…")
