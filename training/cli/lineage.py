"""lineage: a checkpoint's line of parents."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import Any

from training.checkpoint import CheckpointError
from training.cli.errors import UserError
from training.events import Stretch
from training.provenance.lineage import Parent, parents


def lineage_command(args: Namespace) -> int:
    """Print the whole line, the newest first."""
    try:
        line = list(parents(args.path))
    except CheckpointError as error:
        raise UserError(f"PATH: {error}") from error
    if args.json:
        sys.stdout.write(json.dumps(list(map(_told, line)), indent=2) + "\n")
        return 0
    for parent in line:
        sys.stdout.write("\n".join(_words(parent)) + "\n")
    return 0


def _told(parent: Parent) -> dict[str, Any]:
    stretch = parent.stretch.model_dump(mode="json") if parent.stretch else None
    return {"path": str(parent.path), "step": parent.step, "said": parent.said, "stretch": stretch}


def _words(parent: Parent) -> list[str]:
    if parent.stretch is None:
        return [f"{parent.path}", f"  {parent.said}"]
    stretch = parent.stretch
    return [
        f"{parent.path}",
        f"  stage     {stretch.stage}, steps {stretch.after_step + 1} to {parent.step}",
        f"  config    {stretch.digest[:12]}",
        f"  code      {_code(stretch)}",
        "  versions  " + ", ".join(
            f"{name} {number}" for name, number in stretch.environment.versions.items()
        ),
        *(
            f"  devices   {each.count} × {each.device} on {each.node}"
            for each in stretch.environment.devices
        ),
        f"  datasets  {', '.join(stretch.datasets) or 'none'}",
        f"  from      {stretch.parent.path}",
    ]  # fmt: skip


def _code(stretch: Stretch) -> str:
    code = stretch.environment.code
    commit = f" at {code.commit[:12]}" if code.commit else ""
    return f"{code.version}{commit}" + (", with changes that no commit holds" if code.dirty else "")
