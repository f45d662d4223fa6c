"""Which run a path belongs to, by where it lies."""

import os
import re
from pathlib import Path

from django.conf import settings

from r1web.accounts.models import User
from r1web.runs.models import Run
from r1web.runs.selectors.visible import visible_runs

DIRECTORY = re.compile(r"run-(\d{6,})")


def run_of_path(path: str) -> int | None:
    """The key of the run in whose directory it lies; None for any other, and for one with `..`."""
    given = Path(path)
    if ".." in given.parts or not given.is_relative_to(settings.R1WEB_RUNS_DIR):
        return None
    inside = given.relative_to(settings.R1WEB_RUNS_DIR).parts
    found = DIRECTORY.fullmatch(inside[0]) if len(inside) > 1 else None
    # One name each: more zeros are another directory.
    return int(found[1]) if found and Run(pk=int(found[1])).directory_name == found[0] else None


def lies_in_visible_run(user: User, path: str) -> bool:
    """Whether it lies in the directory of a run that the user may see."""
    run = run_of_path(path)
    return run is not None and visible_runs(user).filter(pk=run).exists()


def lies_in_some_run(path: str) -> bool:
    """Whether it lies below the folder of all runs, by whatever way."""
    return Path(os.path.normpath(path)).is_relative_to(settings.R1WEB_RUNS_DIR)
