"""Which models there are to talk to, for whom, and on which node."""

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from r1web.accounts.models import User
from r1web.cluster.models import Node
from r1web.cluster.selectors import reachable_nodes
from r1web.errors import ConflictError, NotFoundError
from r1web.runs.models import Checkpoint, Run
from r1web.runs.selectors import visible_run, visible_runs
from r1web.runs.selectors.visible import no_such_run

BASE = "base"
LISTED_RUNS = 50
"""Runs whose models are listed, the newest; older ones are found by their names."""
_NAME = re.compile(r"run-(\d{1,18})/(?:step-(\d{1,9})|base)")


@dataclass(frozen=True)
class Speaker:
    """A model that can be talked to: a checkpoint of a run, or (step None) what it started from."""

    run: Run
    step: int | None
    path: str
    """As `training serve --model` takes it."""
    created: int
    """Unix time."""

    @property
    def name(self) -> str:
        return f"run-{self.run.pk}/{BASE if self.step is None else f'step-{self.step}'}"


def find_speaker(user: User, name: str) -> Speaker:
    """Raises NotFoundError at the field "model"."""
    found = _NAME.fullmatch(name)
    speaker = None
    if found is not None:
        run = visible_runs(user).select_related("project").filter(pk=int(found[1])).first()
        speaker = None if run is None else speaker_of(run, int(found[2]) if found[2] else None)
    if speaker is None:
        raise NotFoundError(
            f"There is no model “{name[:80]}” that you may talk to: take one such as "
            "run-12/step-300 or run-12/base.",
            path="model",
        )
    return speaker


def speaker_of(run: Run, step: int | None) -> Speaker | None:
    """None when that checkpoint is not there (any more)."""
    if step is None:
        return Speaker(run, None, run.config["model"]["path"], int(run.created_at.timestamp()))
    present = run.checkpoints.filter(step=step, deleted_at=None).order_by("-id")
    checkpoint = present.first()
    return None if checkpoint is None else _of_checkpoint(run, checkpoint)


def speakers_of_run(user: User, run_id: int) -> list[Speaker]:
    """What the run started from, then its checkpoints, oldest first. Raises NotFoundError."""
    return _speakers([visible_run(user, run_id)])


def all_speakers(user: User) -> list[Speaker]:
    """Of the newest runs."""
    return _speakers(list(visible_runs(user).order_by("-id")[:LISTED_RUNS]))


def run_directory(run: Run) -> Path:
    directory: Path = settings.R1WEB_RUNS_DIR / run.directory_name
    return directory


def any_run(run_id: int) -> Run:
    """For the node that serves it. Raises NotFoundError."""
    run = Run.objects.filter(pk=run_id, deleted_at=None).first()
    if run is None:
        raise no_such_run(run_id)
    return run


def node_for(speaker: Speaker) -> Node:
    """The run's own newest node while it takes work, else any that does: they share their files.

    Raises ConflictError when there is none.
    """
    ready = reachable_nodes().filter(cordoned=False, kind=Node.Kind.MACHINE)
    own = speaker.run.attempts.exclude(node=None).order_by("-number").values("node")[:1]
    found = ready.filter(pk__in=list(own.values_list("node", flat=True))).first()
    found = found or ready.order_by("pk").first()
    if found is None:
        raise ConflictError(
            "No node can answer now: none is reachable, or all are cordoned.", code="no_node"
        )
    return found


def may_serve(queue: str) -> bool:
    """Whether the node still takes what is new."""
    return Node.objects.filter(queue=queue, cordoned=False).exists()


def _speakers(runs: list[Run]) -> list[Speaker]:
    present = Checkpoint.objects.filter(run__in=runs, deleted_at=None).order_by("step", "id")
    by_run: dict[int, dict[int, Checkpoint]] = {run.pk: {} for run in runs}
    for checkpoint in present:
        by_run[checkpoint.run_id][checkpoint.step] = checkpoint
    found: list[Speaker] = []
    for run in runs:
        base = speaker_of(run, None)
        found += [base] if base else []
        found += [_of_checkpoint(run, one) for one in by_run[run.pk].values()]
    return found


def _of_checkpoint(run: Run, checkpoint: Checkpoint) -> Speaker:
    path = str(run_directory(run) / checkpoint.path)
    return Speaker(run, checkpoint.step, path, int(checkpoint.created_at.timestamp()))
