"""Searches a run's completions, the newest first, for as long as a request may take.

Sealed segments say by their signature which groups may have what is looked for; only these are
unpacked, and all groups of segments that are not sealed yet. Where time ran out, or the page is
full, the next request goes on.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from r1web.rollouts.columns import Array
from r1web.rollouts.matching import Matcher, Span
from r1web.rollouts.models import Group, SignaturePart
from r1web.rollouts.selectors.listing import Found
from r1web.rollouts.selectors.reading import Reader
from r1web.rollouts.selectors.table import Table, read_table
from r1web.rollouts.signature import candidates, fold
from r1web.rollouts.where import Condition

BUDGET_S = 0.6
AROUND = 80
"""Characters shown before and after a match."""


@dataclass(frozen=True)
class Place:
    """Where a search goes on: at this group, with this one of its texts."""

    group: int
    text: int = 0


@dataclass(frozen=True)
class Hit:
    found: Found
    field: str
    """completion, question or answer; those of a group come with its first completion."""
    excerpt: str
    span: Span
    """Of the match within the excerpt."""


@dataclass(frozen=True)
class Searched:
    hits: list[Hit]
    searched: int
    """Completions looked through so far, by this request and those before it."""
    total: int
    """Completions that there are to look through."""
    next_place: Place | None


def search(
    *,
    run_id: int,
    matcher: Matcher,
    conditions: Sequence[Condition],
    start: Place | None,
    limit: int,
    attempt: int | None = None,
    superseded: bool = False,
) -> Searched:
    """Where the completions that the conditions hold for match, or their question or answer."""
    until = time.monotonic() + BUDGET_S
    names = {"group", "index", *(condition.column for condition in conditions)}
    table = read_table(run_id=run_id, names=names, attempt=attempt, superseded=superseded)
    allowed = table.matching(list(conditions))
    hits: list[Hit] = []
    rest: Place | None = None
    for group in _worth_reading(table, allowed, matcher, start):
        if rest is not None and time.monotonic() > until:
            rest = Place(group.pk)
            break
        if not _holds(group, matcher):
            rest = Place(group.pk, len(group.searched))
            continue
        first = start.text if start and group.pk == start.group else 0
        indexes = _indexes(table, allowed, group.pk)
        rest = _look(group, matcher, indexes, first=first, hits=hits, limit=limit)
        if len(hits) == limit:
            break
    else:
        rest = None
    return Searched(hits, _passed(table, allowed, rest), int(allowed.sum()), rest)


def _worth_reading(
    table: Table, allowed: Array, matcher: Matcher, start: Place | None
) -> Iterator[Group]:
    """The groups that may match, the newest first."""
    reader = Reader()
    for segment_id, rows in reversed(table.segments):
        keys = table["group"][rows]
        begins = np.flatnonzero(np.diff(keys, prepend=-1))
        if not len(begins):
            continue
        worth = np.logical_or.reduceat(allowed[rows], begins)
        groups = keys[begins]
        if start is not None:
            worth &= groups <= start.group
        if worth.any() and segment_id is not None:
            worth &= _may_match(segment_id, matcher, len(groups))
        yield from reader.read([int(key) for key in groups[worth][::-1]])


def _may_match(segment_id: int, matcher: Matcher, count: int) -> Array:
    """Which of the segment's groups may contain what is looked for."""
    rows = SignaturePart.objects.filter(segment_id=segment_id)

    def read(numbers: set[int]) -> dict[int, bytes]:
        found = rows.filter(number__in=numbers).values_list("number", "data")
        return {number: bytes(data) for number, data in found}

    return candidates(matcher.needles, count, read)


def _holds(group: Group, matcher: Matcher) -> bool:
    """Whether the group's texts, all in one, contain what a match does: most do not."""
    folded = fold(b"\0".join(group.searched))
    return all(needle in folded for needle in matcher.needles)


def _indexes(table: Table, allowed: Array, group: int) -> set[int]:
    """Which completions of the group are to be looked through."""
    begin, end = np.searchsorted(table["group"], [group, group + 1])
    return {int(index) for index in table["index"][begin:end][allowed[begin:end]]}


def _look(
    group: Group, matcher: Matcher, indexes: set[int], *, first: int, hits: list[Hit], limit: int
) -> Place:
    """Add the group's hits from its text `first` on, to `limit`; where to go on after that."""
    for place, span in enumerate(matcher.spans(group.searched)):
        beyond = place - group.size  # 0: the question, 1: the answer
        if span is None or place < first or (beyond < 0 and place not in indexes):
            continue
        hits.append(_hit(group, place if beyond < 0 else min(indexes), beyond, place, span))
        if len(hits) == limit:
            return Place(group.pk, place + 1)
    return Place(group.pk, len(group.searched))


def _hit(group: Group, index: int, beyond: int, place: int, span: Span) -> Hit:
    text = group.searched[place].decode()
    begin = max(0, span[0] - AROUND)
    return Hit(
        found=Found(group, group.completion(index)),
        field="completion" if beyond < 0 else ("question", "answer")[beyond],
        excerpt=text[begin : span[1] + AROUND],
        span=(span[0] - begin, span[1] - begin),
    )


def _passed(table: Table, allowed: Array, rest: Place | None) -> int:
    """How many were looked through: all that are newer than where it goes on, and of that group
    those before."""
    if rest is None:
        return int(allowed.sum())
    begin, end = np.searchsorted(table["group"], [rest.group, rest.group + 1])
    return int(allowed[end:].sum() + allowed[begin : begin + rest.text].sum())
