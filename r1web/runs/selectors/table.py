"""The table of runs: any page of it, in the order of any column, however many runs there are.

Runs on which nobody works have their values in rows of `LastValue`, which an index keeps in order.
Those under way are few, as many as nodes can hold: their values are read from themselves and laid
between the others.
"""

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from r1web.api.pagination import (
    cursor_after,
    decode_cursor,
    encode_cursor,
    in_order,
    not_a_cursor,
)
from r1web.errors import InvalidError
from r1web.runs.models import ACTIVE, LastValue, Run
from r1web.runs.schemas import RunRow
from r1web.runs.selectors.conditions import Condition
from r1web.runs.selectors.rows import attempts_of_row, run_row, with_row_relations, with_values
from r1web.runs.selectors.searching import FEW, few
from r1web.runs.selectors.values import OF_ROW, SHOWN_NUMBERS, keys_of_names, value_name, values_of

BY_FIELD = {
    "created_at": "created_at",
    "name": "name",
    "state": "state",
    "preset": "preset",
    "owner": "owner__username",
    "priority": "priority",
}
"""Columns that every run has; all others are values that it may lack."""
WINDOWS = (200, 1_400)
"""So many runs are looked through first, and then so many more: where filters leave a good part of
them, that finds a page in no time. Only where it does not are all that they leave asked for."""
Values = dict[int, dict[str, float]]
Found = tuple[list[int], str | None]
"""Keys of runs in order, and the cursor of the next page."""


@dataclass(frozen=True)
class Chosen:
    """The runs of a table."""

    runs: QuerySet[Run]
    """All for which the conditions hold, and perhaps others."""
    conditions: Sequence[Condition]
    under_way: Values
    """Of those of them on which an attempt works, and for which the conditions hold."""

    def kept(self) -> QuerySet[Run]:
        """The others, whatever the conditions."""
        return self.runs.exclude(state__in=ACTIVE).order_by()

    def holding(self) -> set[int]:
        """Those of the others for which the conditions hold."""
        keys = set(self.kept().values_list("pk", flat=True))
        for condition in self.conditions:
            keys = condition.narrow(keys)
        return keys

    def among(self, keys: Sequence[int]) -> set[int]:
        """Which of these are among the others for which the conditions hold."""
        names = {condition.key: condition.name for condition in self.conditions}
        values: Values = {key: {} for key in keys}
        if names:
            rows = LastValue.objects.filter(run__in=keys, name__in=[key for key in names if key])
            for run, key, value in rows.values_list("run", "name", "value"):
                values[run][names[key]] = value
        holding = [key for key in keys if _all_hold(self.conditions, values[key])]
        return set(self.kept().filter(pk__in=holding).values_list("pk", flat=True))


@dataclass(frozen=True, order=True)
class Entry:
    """A run's place in the order of a value; greater ones come later."""

    key: float
    """The value, its negative where the greatest comes first, or infinity where it is missing."""
    tie: int
    run: int


@dataclass(frozen=True)
class ByValue:
    name: str
    key: int | None
    """Of the name; None: no value is kept under it."""
    falling: bool

    def entry(self, run: int, value: float | None) -> Entry:
        if value is None:
            return Entry(math.inf, -run, run)
        return Entry(-value, -run, run) if self.falling else Entry(value, run, run)

    def after(self, key: float, run: int) -> Entry:
        """The entry that a cursor names."""
        if math.isinf(key):
            return self.entry(run, None)
        return self.entry(run, -key if self.falling else key)


def read_table(
    runs: QuerySet[Run],
    *,
    order: str,
    conditions: Sequence[Condition] = (),
    columns: Sequence[str] = (),
    cursor: str | None,
    limit: int,
) -> tuple[list[RunRow], str | None]:
    """A page of the runs that all conditions hold for, and the cursor of the next.

    `order` is a field or the name of a value, after "-" where the greatest comes first; runs
    without the value come last, the newest first. Each row gets the values that `columns` names.
    Raises InvalidError for a cursor that is not one of this order.
    """
    read = _page_by_field if order.removeprefix("-") in BY_FIELD else _page_by_value
    found, rest = read(runs, conditions, order, cursor, limit)
    return _rows(found, columns), rest


def _page_by_field(
    runs: QuerySet[Run],
    conditions: Sequence[Condition],
    order: str,
    cursor: str | None,
    limit: int,
) -> Found:
    place = f"{'-' if order.startswith('-') else ''}place"
    chosen = _chosen(runs, conditions) if conditions else Chosen(runs, (), {})
    # Only what an index holds: to order whole rows, each would have to be read.
    narrow = chosen.runs.annotate(place=F(BY_FIELD[order.removeprefix("-")]))
    ordered = in_order(narrow, order=place, cursor=cursor).values_list("pk", "place")
    if conditions:
        found = _first(
            ordered,
            "pk",
            lambda keys: chosen.among(keys) | chosen.under_way.keys(),
            lambda: chosen.holding() | chosen.under_way.keys(),
            some=limit + 1,
            windows=[sum(WINDOWS)],  # every other window would have to be ordered anew
        )
    else:
        found = list(ordered[: limit + 1])
    rest = cursor_after(place, found[limit - 1]) if len(found) > limit else None
    return [run for run, _ in found[:limit]], rest


def _page_by_value(
    runs: QuerySet[Run],
    conditions: Sequence[Condition],
    order: str,
    cursor: str | None,
    limit: int,
) -> Found:
    chosen = _chosen(runs, conditions)
    name = value_name(order.removeprefix("-"))
    by = ByValue(name, keys_of_names([name]).get(name), order.startswith("-"))
    if not _is_known(by, chosen.under_way):
        raise InvalidError(
            f"No run has a value “{by.name[:80]}”: sort by the name of a metric, or by one of "
            f"{', '.join([*BY_FIELD, *OF_ROW])}.",
            path="sort",
        )
    after = _entry_after(cursor, order, by)
    some = limit + 1
    kept = _kept_with_value(chosen, by, after, some)
    if len(kept) < some:
        kept += _kept_without_value(chosen, by, after, some - len(kept))
    under_way = (by.entry(run, those.get(by.name)) for run, those in chosen.under_way.items())
    beyond = sorted(entry for entry in under_way if after is None or entry > after)
    entries = list(islice(heapq.merge(kept, beyond), some))
    if len(entries) < some:
        return [entry.run for entry in entries], None
    last = entries[limit - 1]
    return [entry.run for entry in entries[:limit]], encode_cursor([order, last.key, last.run])


def _is_known(by: ByValue, under_way: Values) -> bool:
    return (
        by.key is not None
        or by.name in {*OF_ROW, *SHOWN_NUMBERS.values()}
        or any(by.name in values for values in under_way.values())
    )


def _entry_after(cursor: str | None, order: str, by: ByValue) -> Entry | None:
    if cursor is None:
        return None
    made_for, key, run = decode_cursor(cursor, (str, float, int))
    if made_for != order:
        raise not_a_cursor()
    return by.after(key, run)


def _kept_with_value(chosen: Chosen, by: ByValue, after: Entry | None, some: int) -> list[Entry]:
    """The first of those that nobody works on and that have the value, in order."""
    if after is not None and math.isinf(after.key):
        return []
    rows = LastValue.objects.filter(name=by.key)
    if after is not None:
        value, beyond = -after.key if by.falling else after.key, "lt" if by.falling else "gt"
        tied = Q(value=value, **{f"run__{beyond}": after.run})
        rows = rows.filter(Q(**{f"value__{beyond}": value}) | tied)
    ordered = rows.order_by(*(["-value", "-run"] if by.falling else ["value", "run"]))
    pairs = ordered.values_list("run", "value")
    found = _first(pairs, "run", chosen.among, chosen.holding, some=some)
    return [by.entry(*pair) for pair in found]


def _kept_without_value(chosen: Chosen, by: ByValue, after: Entry | None, some: int) -> list[Entry]:
    """Likewise of those that lack it, the newest first."""
    runs = chosen.kept().order_by("-pk").values_list("pk")
    if after is not None and math.isinf(after.key):
        runs = runs.filter(pk__lt=after.run)
    having = LastValue.objects.filter(name=by.key).values_list("run", flat=True)
    found = _first(
        runs,
        "pk",
        lambda keys: chosen.among(list(set(keys).difference(having.filter(run__in=keys)))),
        lambda: chosen.holding().difference(having),
        some=some,
    )
    return [by.entry(run, None) for (run,) in found]


def _first(
    rows: QuerySet[Any, Any],
    key: str,
    among: Callable[[Sequence[int]], set[int]],
    wanted: Callable[[], set[int]],
    *,
    some: int,
    windows: Sequence[int] = WINDOWS,
) -> list[Any]:
    """The first `some` rows that begin with a wanted `key`.

    `among` says which of a few keys are wanted; `wanted` gives all of them, which takes longer.
    """
    begin, found = 0, []
    for size in windows:
        window = list(rows[begin : begin + size])
        these = among([row[0] for row in window])
        found += [row for row in window if row[0] in these]
        if len(found) >= some or len(window) < size:
            return found[:some]
        begin += size
        if len(found) * sum(windows) < some * begin:
            break  # as many again would not be enough
    keys = wanted()
    if len(keys) <= FEW:
        return list(rows.filter(**{f"{key}__in": keys})[:some])
    return list(islice((row for row in rows.iterator() if row[0] in keys), some))


def _chosen(runs: QuerySet[Run], conditions: Sequence[Condition]) -> Chosen:
    values = _values_under_way(runs)
    under_way = {run: those for run, those in values.items() if _all_hold(conditions, those)}
    for condition in conditions:
        keys = None if condition.is_missing else few(condition.keys())
        if keys is not None:
            runs = runs.filter(pk__in={*keys, *under_way})
    return Chosen(runs, conditions, under_way)


def _all_hold(conditions: Sequence[Condition], values: Mapping[str, float]) -> bool:
    return all(condition.holds(values) for condition in conditions)


def _values_under_way(runs: QuerySet[Run]) -> Values:
    keys = list(runs.filter(state__in=ACTIVE).order_by().values_list("pk", flat=True))
    now = timezone.now()
    found = with_values(Run.objects.filter(pk__in=keys).order_by())
    return {run.pk: values_of(run, attempts_of_row(run), now) for run in found}


def _rows(keys: Sequence[int], columns: Sequence[str]) -> list[RunRow]:
    """The runs' rows, in this order."""
    names = {column: value_name(column) for column in columns}
    now = timezone.now()
    rows: dict[int, RunRow] = {}
    for run in with_row_relations(Run.objects.filter(pk__in=keys)):
        row = rows[run.pk] = run_row(run)
        if columns:
            values = values_of(run, attempts_of_row(run), now)
            row.values = {column: values.get(name) for column, name in names.items()}
    return [rows[key] for key in keys if key in rows]
