"""Gives room back: what deleted runs leave behind goes, journals of ended runs are compressed."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db.models import Count, Model, Q, QuerySet
from django.utils import timezone

from r1web.accounts.models import Project
from r1web.cluster.journal import JOURNAL, compress_journal
from r1web.cluster.supervisor.hold import AlreadySupervisedError, only_one
from r1web.metrics.models import Point, Series
from r1web.rollouts.models import Completion, Group
from r1web.runs.models import ENDED, Event, Run
from r1web.runs.selectors import due_to_go, run_directory
from r1web.runs.services import purge_run

logger = logging.getLogger(__name__)

BATCH = 1000
COMPRESS_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Size:
    """What the directories of a project's runs take on the disk that this machine sees."""

    project: str
    runs: int
    checkpoint_bytes: int
    other_bytes: int


def prune() -> Iterator[str]:
    """Do what is due, piece by piece, and say of each finished piece what it was.

    The caller may stop after any piece, and come again: what is not done stays due. An empty
    sentence is a piece of something larger.
    """
    for run in due_to_go():
        yield from _remove(run)
    ended = Run.objects.filter(state__in=ENDED, ended_at__lt=timezone.now() - COMPRESS_AFTER)
    for run in ended.filter(deleted_at=None):
        if _compress(run):
            yield f"{run}: journal compressed"


def sizes() -> list[Size]:
    """By project, deleted runs left out of the count but not of the bytes."""
    present = Project.objects.annotate(count=Count("runs", filter=Q(runs__deleted_at=None)))
    return [_size(project, project.count) for project in present.order_by("slug")]


def _remove(run: Run) -> Iterator[str]:
    """Files first and events last: as long as there are events, the rest is tried again."""
    if not purge_run(run=run):
        return
    folder = run_directory(run)
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        logger.warning("%s: its directory cannot be removed: %s", run, error)
        return
    run.checkpoints.filter(deleted_at=None).update(deleted_at=timezone.now())
    rows: tuple[QuerySet[Model], ...] = (
        Point.objects.filter(series__run=run),
        Series.objects.filter(run=run),
        Completion.objects.filter(group__run=run),
        Group.objects.filter(run=run),
        Event.objects.filter(run=run),
    )
    for found in rows:
        while keys := list(found.order_by().values_list("pk", flat=True)[:BATCH]):
            found.model._base_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's name for it
            yield ""
    yield f"{run}: deleted {run.deleted_at:%Y-%m-%d}, its data removed"


def _compress(run: Run) -> bool:
    folder = run_directory(run)
    if not (folder / JOURNAL).exists():
        return False
    try:
        with only_one(folder / "supervisor.lock"):
            run.refresh_from_db()
            return run.state in ENDED and compress_journal(folder)
    except AlreadySupervisedError:
        return False  # it goes on just now
    except OSError as error:
        logger.warning("%s: its journal cannot be compressed: %s", run, error)
        return False


def _size(project: Project, runs: int) -> Size:
    checkpoints = others = 0
    for run in project.runs.all():
        folder = run_directory(run)
        inside = _bytes_below(folder / "checkpoints")
        checkpoints += inside
        others += _bytes_below(folder) - inside
    return Size(project.slug, runs, checkpoints, others)


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a run removed it meanwhile
            continue
    return total
