"""Reads pages: which of them tell a range of steps, and what is in them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from r1web.metrics.codec import Bytes, Unpacker, unpack_axes
from r1web.metrics.items import Items
from r1web.metrics.models import Chunk, Page

MOST_NAMED = 1000
"""Series that a query names; where more are wanted all are read."""


@dataclass(frozen=True)
class Span:
    """Steps of an attempt, both ends within."""

    attempt: int
    first: int = 0
    last: float = math.inf


@dataclass(frozen=True)
class Job:
    """Series to be read over spans of different attempts, in order.

    In buckets of at most `width` steps, 0: as points.
    """

    series: Sequence[int]
    spans: Sequence[Span]
    width: int


def covering(jobs: Sequence[Job], roots: Mapping[int, Sequence[Page]]) -> list[list[Page]]:
    """For each job the fewest pages that tell it; `roots` are the uppermost ones by attempt.

    Pages of buckets lie wholly within their span; of points some may lie outside. One query for
    each level that has to be gone down.
    """
    taken: list[list[Page]] = [[] for _ in jobs]
    found: Mapping[int, Sequence[Page]] = roots
    while found:
        divided: set[int] = set()
        for job, pages in zip(jobs, taken, strict=True):
            for span in job.spans:
                divided |= _divide(found.get(span.attempt, ()), span, job.width, pages)
        found = _below(divided)
    return [sorted(pages, key=lambda page: page.number) for pages in taken]


def _below(keys: set[int]) -> dict[int, list[Page]]:
    """The pages right below these, by attempt."""
    found: dict[int, list[Page]] = defaultdict(list)
    for page in Page.objects.filter(parent__in=keys) if keys else ():
        found[page.attempt_id].append(page)
    return found


def _divide(found: Iterable[Page], span: Span, width: int, taken: list[Page]) -> set[int]:
    """Take what pages can be taken; the keys of those that are too wide or stick out."""
    divided = set()
    have = {page.pk for page in taken}
    for page in found:
        if page.last_step < span.first or page.first_step > span.last or page.pk in have:
            continue
        within = span.first <= page.first_step and page.last_step <= span.last
        if page.level == 0 or (page.width <= width and within):
            taken.append(page)
        else:
            divided.add(page.pk)
    return divided


def load_items(jobs: Sequence[tuple[Sequence[Page], Sequence[int]]]) -> list[dict[int, Items]]:
    """For each job, of pages and series [S], what the series have in each page, by its key."""
    unpacker = Unpacker()
    found = [
        {page.pk: _blank(page, len(series), unpacker) for page in pages} for pages, series in jobs
    ]
    rows_of = [{key: row for row, key in enumerate(series)} for _, series in jobs]
    jobs_of: dict[int, list[int]] = defaultdict(list)
    width_of = {}
    for place, (pages, _) in enumerate(jobs):
        for page in pages:
            jobs_of[page.pk].append(place)
            width_of[page.pk] = page.width
    for page_key, series, data in _chunks(jobs_of, {key for rows in rows_of for key in rows}):
        for place in jobs_of[page_key]:
            row, items = rows_of[place].get(series), found[place][page_key]
            if row is None:
                continue
            if width_of[page_key]:
                items.fill(row, data, unpacker)
            else:
                (items.last[row],) = unpacker.columns(data, ("<f8",), len(items.steps))
    return [{key: _counted(items, width_of[key]) for key, items in of.items()} for of in found]


def _chunks(pages: Iterable[int], series: set[int]) -> Iterable[tuple[int, int, Bytes]]:
    chunks = Chunk.objects.filter(page__in=list(pages))
    if len(series) <= MOST_NAMED:
        chunks = chunks.filter(series__in=series)
    return chunks.values_list("page", "series", "data").iterator()


def _blank(page: Page, series: int, unpacker: Unpacker) -> Items:
    steps, times, _ = unpack_axes(page.axes, page.items, unpacker)
    return Items.empty(steps, times, series)


def _counted(items: Items, width: int) -> Items:
    return items if width else Items.points(items.steps, items.times, items.last)
