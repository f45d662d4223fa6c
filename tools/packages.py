"""Install Python packages so that nothing is left outside the repository folder."""

from __future__ import annotations

from pathlib import Path

from progress import run_step

QUIET = {
    # As environment, so that the pips which pip starts for building packages obey too.
    "PIP_NO_CACHE_DIR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "DS_BUILD_OPS": "0",  # DeepSpeed compiles nothing when it is installed
}


def pip_install(python: Path, title: str, arguments: list[str], log: Path) -> None:
    """`pip install` as one step.

    Raises:
        StepFailedError: pip failed.
    """
    run_step(title, [str(python), "-m", "pip", "install", *arguments], log, QUIET)
