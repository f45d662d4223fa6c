"""Reads series as columns: every point when they are few, else buckets of steps.

A bucket is `width` consecutive steps, `width` a power of two and buckets aligned to its multiples,
so that a growing run keeps the buckets it had. It tells the mean of its finite values, the true
least and greatest value, the last one, and how many there are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Length

from r1web.metrics.models import Chunk, Line, Series
from r1web.metrics.selectors.reader import Reader, SeriesColumns, Steps
from r1web.runs.models import Attempt, Run
from r1web.runs.snapshot import read_snapshot

VALUE_BYTES = 8
ALL = Steps()


@dataclass(frozen=True)
class Metrics:
    last_seq: int
    series: list[SeriesColumns]


def read_metrics(
    *,
    run_id: int,
    names: Sequence[str] = (),
    from_step: int | None = None,
    to_step: int | None = None,
    max_points: int,
) -> Metrics:
    """The series called `names` (none: all; `reward/*` is a prefix), and the seq they hold up to.

    At most `max_points` points a series.
    """
    steps = Steps.between(from_step, to_step)
    return read_runs(run_ids=[run_id], names=names, steps=steps, max_points=max_points)[run_id]


def read_runs(
    *,
    run_ids: Collection[int],
    names: Sequence[str] = (),
    steps: Steps | Mapping[int, Steps] = ALL,
    max_points: int,
) -> dict[int, Metrics]:
    """The same of several runs, in as many queries as of one; runs that are not there are not.

    `steps` is the range of them all, or of each.
    """
    with read_snapshot():
        seqs = dict(Run.objects.filter(pk__in=run_ids).values_list("pk", "last_seq"))
        attempts = Attempt.objects.filter(run__in=seqs).only(
            "number", "start_step", "started_at", "run_id"
        )
        series: dict[int, dict[int, str]] = {run: {} for run in seqs}
        rows = Series.objects.filter(named(names), run__in=seqs).order_by("name")
        for run, key, name in rows.values_list("run", "pk", "name"):
            series[run][key] = name
        ranges = {run: steps if isinstance(steps, Steps) else steps[run] for run in series}
        reader = Reader(attempts, series, ranges, max_points)
        found = reader.read()
    return {run: Metrics(seq, found[run]) for run, seq in seqs.items()}


def count_points(run_id: int) -> int:
    """Points of all attempts of the run, those included that were superseded."""
    chunks = Chunk.objects.filter(page__attempt__run=run_id, page__level=0)
    lines = Line.objects.filter(attempt__run=run_id)
    packed: int | None = chunks.aggregate(sum=Sum("points"))["sum"]
    waiting: int | None = lines.aggregate(sum=Sum(Length("values")))["sum"]
    return (packed or 0) + (waiting or 0) // VALUE_BYTES


def attempts_to_pack(ended_before: datetime) -> QuerySet[Attempt]:
    """Those that have ended, with lines that are in no page yet."""
    waiting = Line.objects.order_by().values("attempt").distinct()
    ended = Attempt.objects.filter(pk__in=waiting, ended_at__lt=ended_before)
    return ended.select_related("run")


def named(names: Sequence[str]) -> Q:
    """Filter for series; `reward/*` is a prefix, no names stand for all."""
    wanted = Q()
    for name in names:
        if name.endswith("*"):
            wanted |= Q(name__startswith=name[:-1])
        else:
            wanted |= Q(name=name)
    return wanted
