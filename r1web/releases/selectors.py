"""Reads releases, and where they are made."""

from pathlib import Path

from django.db.models import QuerySet

from r1web.accounts.models import Membership, User
from r1web.accounts.selectors import role_in
from r1web.cluster.queue import CONTROL_QUEUE
from r1web.cluster.selectors import node_state
from r1web.errors import NotFoundError
from r1web.releases.models import Release, ReleaseDtype, ReleaseState
from r1web.releases.schemas import ReleaseFile, ReleaseOut
from r1web.runs.models import Checkpoint, Run
from r1web.runs.selectors import run_directory, visible_runs


def releases_of(run: Run) -> QuerySet[Release]:
    return Release.objects.filter(run=run).select_related("run", "checkpoint", "asked_by")


def visible_release(user: User, release_id: int) -> Release:
    """A release of a run the user may see. Raises NotFoundError for any other."""
    found = Release.objects.select_related("run", "checkpoint", "asked_by")
    release = found.filter(pk=release_id, run__in=visible_runs(user)).first()
    if release is None:
        raise NotFoundError(f"There is no release {release_id} that you may see.")
    return release


def may_push(user: User, run: Run) -> bool:
    """The node's token is everybody's: only who answers for the project may use it."""
    return user.is_staff or role_in(user, run.project) == Membership.Role.OWNER


def queue_of(checkpoint: Checkpoint) -> str:
    """Of the worker whose machine wrote the checkpoint; any worker's when that one is away."""
    node = checkpoint.attempt.node if checkpoint.attempt else None
    return CONTROL_QUEUE if node is None or node_state(node) == "unreachable" else node.queue


def directory_of(release: Release) -> Path:
    return run_directory(release.run) / release.path


def release_out(release: Release) -> ReleaseOut:
    """Reads run, checkpoint and asker: select them with it."""
    return ReleaseOut(
        id=release.pk,
        run=release.run_id,
        checkpoint=release.checkpoint_id,
        step=release.checkpoint.step,
        dtype=ReleaseDtype(release.dtype),
        state=ReleaseState(release.state),
        reason=release.reason,
        asked_by=release.asked_by.username if release.asked_by else None,
        asked_at=release.asked_at,
        ended_at=release.ended_at,
        node=release.node,
        path=f"runs/{release.run.directory_name}/{release.path}",
        push_to=release.push_to,
        pushed_to=release.pushed_to,
        checked=release.checked,
        bytes=sum(file["bytes"] for file in release.files.values()),
    )


def files_out(release: Release) -> list[ReleaseFile]:
    return [ReleaseFile(name=name, **file) for name, file in sorted(release.files.items())]
