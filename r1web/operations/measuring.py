"""Measures what runs take. No request walks a disk: what was measured is stored, and read."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from r1web.cluster.journal import COMPRESSED, JOURNAL
from r1web.metrics.selectors import count_points
from r1web.operations.models import RunSize
from r1web.releases.models import Release
from r1web.runs.models import ENDED, Run
from r1web.runs.selectors import run_directory

AGAIN_AFTER = timedelta(hours=1)
"""For a run that is not over; one that has ended is measured once."""


def measure_due() -> Iterator[Run]:
    """Measure what is due, and say of which run; the caller may stop at any of them."""
    for run in _due():
        measure(run)
        yield run


def measure(run: Run) -> None:
    """Store what the run takes now. A directory on a disk that is not seen stays as it was."""
    measured: dict[str, object] = {
        "points": count_points(run.pk),
        "completions": run.groups.aggregate(sum=Sum("size", default=0))["sum"],
        "measured_at": timezone.now(),
    }
    folder = run_directory(run)
    if folder.exists():
        measured |= _files(folder)
    RunSize.objects.update_or_create(run=run, defaults=measured)


def _due() -> QuerySet[Run]:
    never = Q(size=None)
    old = ~Q(state__in=ENDED) & Q(size__measured_at__lt=timezone.now() - AGAIN_AFTER)
    ended_since = Q(size__measured_at__lt=F("ended_at"))
    later = Release.objects.filter(run=OuterRef("pk"), ended_at__gt=OuterRef("size__measured_at"))
    released_since = Q(Exists(later))
    due = never | old | ended_since | released_since
    return Run.objects.filter(due, purged_at=None).order_by("pk")


def _files(folder: Path) -> dict[str, int]:
    sizes = dict.fromkeys(("checkpoint_bytes", "journal_bytes", "release_bytes", "other_bytes"), 0)
    for path in folder.rglob("*"):
        sizes[_kind(path.relative_to(folder))] += _bytes(path)
    return {**sizes, "bytes": sum(sizes.values())}


def _kind(path: Path) -> str:
    if path.parts[0] in {"checkpoints", "releases"}:
        return f"{path.parts[0].removesuffix('s')}_bytes"
    return "journal_bytes" if str(path) in {JOURNAL, COMPRESSED} else "other_bytes"


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size if path.is_file() else 0
    except FileNotFoundError:  # a run removed it meanwhile
        return 0
