"""Lines become pages, and pages get pages above them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from django.db import transaction
from django.db.models import Max

from r1web.bulk import insert_all
from r1web.metrics.codec import Bytes, Packer, absent, pack_axes
from r1web.metrics.items import Items, bucket_width
from r1web.metrics.models import OUTLINE, Chunk, Layout, Line, Page
from r1web.metrics.pages import load_items
from r1web.metrics.rows import Row, matrix_of
from r1web.runs.models import Attempt
from r1web.runs.services import lock

PAGE_LINES = 240
"""So that a series of full precision just fits a row that PostgreSQL keeps in one piece."""
FAN = 16
"""Pages below a page, and steps a bucket for each step below where a run tells every step."""
OUTLINE_BUCKETS = 64
FEW_PAGES = 4
"""A run with fewer pages needs no outline."""
LACKING = 0.25
CHUNK = ["series_id", "page_id", "points", "data"]


class NewLine(NamedTuple):
    """A line that has an attempt, and is not written."""

    layout: int
    seq: int | None
    step: int
    time: float
    values: bytes


def pack(attempt: int, new: Sequence[NewLine], *, rest: bool = False) -> list[NewLine]:
    """Put what lines the attempt has, and then these, into pages; those that fill none come back.

    With `rest` they get a page as well.
    """
    kept = list(Line.objects.filter(attempt=attempt).order_by("pk"))
    lines = [*(_as_new(line) for line in kept), *new]
    full = len(lines) if rest else len(lines) - len(lines) % PAGE_LINES
    if full:
        _make_pages(attempt, lines[:full])
        _grow(attempt)
        _sketch(attempt, ended=rest)
    Line.objects.filter(pk__in=[line.pk for line in kept]).delete()
    return lines[full:]


@transaction.atomic
def pack_ended(*, attempt: Attempt) -> None:
    """Pack all lines of an attempt that has ended."""
    lock(attempt.run)
    pack(attempt.pk, [], rest=True)


def _as_new(line: Line) -> NewLine:
    return NewLine(line.layout_id, line.seq, line.step, line.time, bytes(line.values))


def _make_pages(attempt: int, lines: Sequence[NewLine]) -> None:
    layouts = dict(
        Layout.objects.filter(pk__in={line.layout for line in lines}).values_list("pk", "series")
    )
    newest = Page.objects.filter(attempt=attempt, level=0).aggregate(Max("until"))["until__max"]
    for number, begin in enumerate(range(0, len(lines), PAGE_LINES), newest or 0):
        _make_page(attempt, number, lines[begin : begin + PAGE_LINES], layouts)


def _make_page(
    attempt: int, number: int, lines: Sequence[NewLine], layouts: Mapping[int, Bytes]
) -> None:
    rows = [Row(layouts[line.layout], line.step, line.time, line.values) for line in lines]
    series, matrix = matrix_of(rows)
    steps = np.array([line.step for line in lines], np.int64)
    times = np.array([line.time for line in lines])
    seqs = np.array([line.seq or 0 for line in lines], np.int64)
    told = seqs[seqs > 0]
    page = Page(
        attempt_id=attempt,
        level=0,
        number=number,
        until=number + 1,
        width=0,
        items=len(lines),
        lines=len(lines),
        first_step=int(steps.min()),
        last_step=int(steps.max()),
        first_seq=int(told[0]) if len(told) else None,
        last_seq=int(told[-1]) if len(told) else None,
        axes=pack_axes(steps, times, seqs),
    )
    counts = (~absent(matrix)).sum(axis=1)
    packer = Packer()
    columns = zip(series, counts, matrix, strict=True)
    _save(page, [(key, int(count), packer.pack([values])) for key, count, values in columns])


def _grow(attempt: int) -> None:
    """Give every sixteen pages that have none a page above them."""
    below: dict[int, list[Page]] = defaultdict(list)
    roots = Page.objects.filter(attempt=attempt, parent=None).exclude(level=OUTLINE)
    for page in roots.order_by("number"):
        below[page.level].append(page)
    level = 0
    while len(below[level]) >= FAN:
        pages = below[level]
        whole = len(pages) - len(pages) % FAN
        for begin in range(0, whole, FAN):
            below[level + 1].append(_make_parent(attempt, pages[begin : begin + FAN]))
        below[level + 1].sort(key=lambda page: page.number)
        level += 1


def _make_parent(attempt: int, pages: Sequence[Page]) -> Page:
    parent, chunks = _joined(pages, PAGE_LINES)
    parent.attempt_id, parent.level = attempt, pages[0].level + 1
    _save(parent, chunks)
    Page.objects.filter(pk__in=[page.pk for page in pages]).update(parent=parent)
    return parent


def _sketch(attempt: int, *, ended: bool) -> None:
    """Bring the attempt's outline up to date, when it lacks a good part of the pages there are.

    Not with each page: what is rewritten all the time leaves holes in the database.
    """
    outline = Page.objects.filter(attempt=attempt, level=OUTLINE).first()
    known = outline.until if outline else 0
    lacking = list(Page.objects.filter(attempt=attempt, level=0, number__gte=known))
    enough = known + len(lacking) >= FEW_PAGES
    if not lacking or not enough or (not ended and len(lacking) < known * LACKING):
        return
    lacking.sort(key=lambda page: page.number)
    new, chunks = _joined([outline, *lacking] if outline else lacking, OUTLINE_BUCKETS)
    if outline:
        outline.delete()
    new.attempt_id, new.level = attempt, OUTLINE
    _save(new, chunks)


Chunks = list[tuple[int, int, bytes]]
"""Series, points and data."""


def _joined(pages: Sequence[Page], most: int) -> tuple[Page, Chunks]:
    """All that is in consecutive pages, in at most so many buckets: a page to be saved."""
    first, last = min(p.first_step for p in pages), max(p.last_step for p in pages)
    width = bucket_width(first, last, most)
    series = _series_in(pages)
    (loaded,) = load_items([(pages, series)])
    items = Items.joined([loaded[page.pk] for page in pages]).bucketed(width)
    counts = items.counts.sum(axis=1)
    page = Page(
        number=pages[0].number,
        until=pages[-1].until,
        width=width,
        items=len(items.steps),
        lines=sum(page.lines for page in pages),
        first_step=first,
        last_step=last,
        axes=pack_axes(items.steps, items.times, np.zeros(len(items.steps), np.int64)),
    )
    packer = Packer()
    rows = [(key, int(counts[row]), items.packed(row, packer)) for row, key in enumerate(series)]
    return page, rows


def _save(page: Page, chunks: Chunks) -> None:
    page.save()
    rows = [(series, page.pk, points, data) for series, points, data in chunks if points]
    insert_all(Chunk, CHUNK, rows)


def _series_in(pages: Iterable[Page]) -> list[int]:
    found = Chunk.objects.filter(page__in=list(pages)).values_list("series", flat=True)
    return sorted(set(found))
