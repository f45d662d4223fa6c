"""Completions of a whole run, filtered and in any order, page by page."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from r1web.accounts.models import User
from r1web.errors import NotFoundError
from r1web.rollouts.columns import Array
from r1web.rollouts.models import Completion, Group, GroupTokens
from r1web.rollouts.selectors.table import read_table
from r1web.rollouts.tokens import Tokens, unpack_completion
from r1web.rollouts.where import Condition
from r1web.runs.selectors import visible_runs


@dataclass(frozen=True)
class After:
    """Where a page begins: after this completion in the chosen order."""

    value: float
    group: int
    index: int


@dataclass(frozen=True)
class Found:
    """A completion with the group that it belongs to."""

    group: Group
    completion: Completion


@dataclass(frozen=True)
class Listing:
    found: list[Found]
    matched: int
    """Completions that the conditions hold for, on all pages."""
    total: int
    """Completions of the run."""
    next_after: After | None


def read_completions(
    *,
    run_id: int,
    column: str,
    falling: bool,
    conditions: Sequence[Condition],
    after: After | None,
    limit: int,
    attempt: int | None = None,
    superseded: bool = False,
    only: Sequence[tuple[int, int]] | None = None,
) -> Listing:
    """Completions by a column, then as they were written; those without a value come last. `only`
    these, by group and place in it."""
    names = {"group", "index", column, *(condition.column for condition in conditions)}
    table = read_table(run_id=run_id, names=names, attempt=attempt, superseded=superseded)
    matches = table.matching(list(conditions))
    if only is not None:
        matches &= table.at(only)
    ranks = -table[column] if falling else table[column]
    left = matches if after is None else matches & _beyond(ranks, table["group"], after)
    places = _first(ranks, np.flatnonzero(left), limit + 1)
    keys = [(int(table["group"][place]), int(table["index"][place])) for place in places[:limit]]
    more = len(places) > limit
    return Listing(
        found=completions_at(keys),
        matched=int(matches.sum()),
        total=table.total,
        next_after=After(float(ranks[places[limit - 1]]), *keys[-1]) if more else None,
    )


def completions_at(keys: Sequence[tuple[int, int]]) -> list[Found]:
    """The completions of these groups at these places, in this order."""
    groups = groups_of(key for key, _ in keys)
    return [Found(groups[key], groups[key].completion(index)) for key, index in keys]


def visible_completion(user: User, completion_id: str) -> Found:
    """A completion of a run that the user may see. Raises NotFoundError for any other."""
    named = re.fullmatch(r"(\d{1,18})-(\d{1,9})", completion_id)
    groups = Group.objects.filter(run__in=visible_runs(user)).select_related("attempt", "segment")
    group = groups.filter(pk=named[1]).first() if named else None
    if group is None or named is None or int(named[2]) >= group.size:
        raise NotFoundError(f"There is no completion {completion_id[:40]} that you may see.")
    return Found(group, group.completion(int(named[2])))


def tokens_of(found: Found) -> Tokens | None:
    """The tokens of a completion one by one; None where they are not kept."""
    kept = GroupTokens.objects.filter(group=found.group).first()
    return unpack_completion(bytes(kept.data), found.completion.index) if kept else None


def has_tokens(group: Group) -> bool:
    """Whether the tokens of its completions are kept."""
    return GroupTokens.objects.filter(group=group).exists()


def groups_of(keys: Iterable[int]) -> dict[int, Group]:
    groups = Group.objects.select_related("attempt").prefetch_related("segment")
    return groups.in_bulk(list(set(keys)))


def _beyond(ranks: Array, groups: Array, after: After) -> Array:
    """Which come later; groups are in order, and a group's completions follow each other."""
    place = int(np.searchsorted(groups, after.group)) + after.index
    if np.isnan(after.value):
        beyond, alike = np.zeros(len(ranks), bool), np.isnan(ranks)
    else:
        beyond, alike = ~(ranks <= after.value), ranks == after.value
    beyond[place + 1 :] |= alike[place + 1 :]
    return beyond


def _first(ranks: Array, places: Array, count: int) -> list[int]:
    """The `count` first of the places by their rank, equals as they stand; NaN is the last rank."""
    values = ranks[places]
    if len(values) > count:
        last = np.partition(values, count - 1)[count - 1]
        unknown = np.isnan(values)
        below = ~unknown if np.isnan(last) else values < last
        equal = unknown if np.isnan(last) else values == last
        sooner = places[below]
        places = np.concatenate([sooner, places[equal][: count - len(sooner)]])
        values = ranks[places]
    return [int(place) for place in places[np.argsort(values, kind="stable")]]
