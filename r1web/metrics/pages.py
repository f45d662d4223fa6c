"""Reads pages: which of them tell a range of steps, and what is in them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from r1web.metrics.codec import Bytes, Unpacker, unpack_axes
from r1web.metrics.items import Items
from r1web.metrics.models import OUTLINE, Chunk, Page

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


@dataclass
class Search:
    """For the pages of one span."""

    span: Span
    width: int
    told: int = 0
    """Pages of level 0 that an outline has told."""
    taken: list[Page] = field(default_factory=list)

    def divide(self, found: Iterable[Page]) -> set[int]:
        """Take what pages can be taken; the keys of those that are too wide or stick out."""
        divided = set()
        for page in sorted(found, key=lambda page: page.level != OUTLINE):
            outside = page.last_step < self.span.first or page.first_step > self.span.last
            if outside or page.until <= self.told:
                continue
            if page.level == 0 or (page.number >= self.told and self._suits(page)):
                self.taken.append(page)
                self.told = page.until if page.level == OUTLINE else self.told
            elif page.level != OUTLINE:
                divided.add(page.pk)
        return divided

    def _suits(self, page: Page) -> bool:
        within = self.span.first <= page.first_step and page.last_step <= self.span.last
        return page.width <= self.width and within


def covering(jobs: Sequence[Job], roots: Mapping[int, Sequence[Page]]) -> list[list[Page]]:
    """For each job the fewest pages that tell it; `roots` are the uppermost ones by attempt.

    Pages of buckets lie wholly within their span; of points some may lie outside. One query for
    each level that has to be gone down.
    """
    searches = [[Search(span, job.width) for span in job.spans] for job in jobs]
    found: Mapping[int, Sequence[Page]] = roots
    while found:
        divided: set[int] = set()
        for search in chain(*searches):
            divided |= search.divide(found.get(search.span.attempt, ()))
        found = _below(divided)
    return [
        [page for search in of_job for page in sorted(search.taken, key=lambda page: page.number)]
        for of_job in searches
    ]


def _below(keys: set[int]) -> dict[int, list[Page]]:
    """The pages right below these, by attempt."""
    found: dict[int, list[Page]] = defaultdict(list)
    for page in Page.objects.filter(parent__in=keys) if keys else ():
        found[page.attempt_id].append(page)
    return found


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
