"""Gives room back: what deleted runs leave behind goes, journals of ended runs are compressed.

Then what runs take is measured.
"""

import logging
import shutil
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Model, QuerySet
from django.utils import timezone

from r1web.cluster.journal import JOURNAL, compress_journal
from r1web.cluster.supervisor.hold import LOCK, AlreadySupervisedError, only_one
from r1web.compare.services import forget
from r1web.metrics.models import Chunk, Layout, Line, Page, Series
from r1web.metrics.selectors import attempts_to_pack
from r1web.metrics.services import pack_ended
from r1web.operations.measuring import measure, measure_due
from r1web.operations.models import RunSize
from r1web.releases.models import Release
from r1web.rollouts.models import (
    Column,
    CompletionNote,
    Group,
    GroupTokens,
    Segment,
    SignaturePart,
    Star,
)
from r1web.runs.models import ENDED, Event, Run
from r1web.runs.selectors import due_to_go, run_directory
from r1web.runs.selectors.deleted import kept_for
from r1web.runs.services import purge_run

logger = logging.getLogger(__name__)

BATCH = 1000
COMPRESS_AFTER = timedelta(days=1)
PACK_AFTER = timedelta(minutes=10)


def prune() -> Iterator[str]:
    """Do what is due, piece by piece, and say of what was removed or compressed what it was.

    The caller may stop after any piece, and come again: what is not done stays due. An empty
    sentence is a piece of something larger.
    """
    for run in due_to_go():
        yield from _remove(run)
    ended = Run.objects.filter(state__in=ENDED, ended_at__lt=timezone.now() - COMPRESS_AFTER)
    for run in ended.filter(deleted_at=None):
        if _compress(run):
            measure(run)
            yield f"{run}: journal compressed"
    for attempt in attempts_to_pack(timezone.now() - PACK_AFTER):
        pack_ended(attempt=attempt)
        yield ""
    for _ in forget(deleted=timezone.now() - kept_for()):
        yield ""
    for _ in measure_due():
        yield ""


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
        Line.objects.filter(attempt__run=run),
        Chunk.objects.filter(page__attempt__run=run),
        Page.objects.filter(attempt__run=run, level=0),
        Page.objects.filter(attempt__run=run),
        Layout.objects.filter(run=run),
        Series.objects.filter(run=run),
        Column.objects.filter(segment__run=run),
        SignaturePart.objects.filter(segment__run=run),
        GroupTokens.objects.filter(group__run=run),
        Star.objects.filter(group__run=run),
        CompletionNote.objects.filter(group__run=run),
        Group.objects.filter(run=run),
        Segment.objects.filter(run=run),
        Release.objects.filter(run=run),
        Event.objects.filter(run=run),
    )
    for found in rows:
        while keys := list(found.order_by().values_list("pk", flat=True)[:BATCH]):
            found.model._base_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's name for it
            yield ""
    RunSize.objects.filter(run=run).delete()
    yield f"{run}: deleted {run.deleted_at:%Y-%m-%d}, its data removed"


def _compress(run: Run) -> bool:
    folder = run_directory(run)
    if not (folder / JOURNAL).exists():
        return False
    try:
        with only_one(folder / LOCK):
            run.refresh_from_db()
            return run.state in ENDED and compress_journal(folder)
    except AlreadySupervisedError:
        return False  # it goes on just now
    except OSError as error:
        logger.warning("%s: its journal cannot be compressed: %s", run, error)
        return False
