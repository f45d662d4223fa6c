"""Reads one group, the same prompt at other steps and in other runs, and histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from django.db.models import QuerySet

from r1web.accounts.models import User
from r1web.errors import NotFoundError
from r1web.rollouts.answers import Cluster, answer_of, clusters
from r1web.rollouts.models import Group
from r1web.rollouts.packing import ACCURACY
from r1web.rollouts.selectors.table import read_table
from r1web.rollouts.where import Condition
from r1web.runs.models import Attempt
from r1web.runs.selectors import visible_runs
from r1web.runs.superseded import effective, last_valid_steps

MOST_DISTINCT = 12
"""So few values each get a bin of their own."""


def visible_group(user: User, group_id: int) -> Group:
    """A group of a run that the user may see. Raises NotFoundError for any other."""
    groups = Group.objects.filter(run__in=visible_runs(user)).select_related("attempt", "segment")
    try:
        return groups.get(pk=group_id)
    except Group.DoesNotExist as error:
        raise NotFoundError(f"There is no group {group_id} that you may see.") from error


def same_prompt(group: Group, run_id: int) -> QuerySet[Group]:
    """Groups of the run with the very prompt of this one, by step, without superseded ones."""
    attempts = Attempt.objects.filter(run_id=run_id).only("number", "start_step", "started_at")
    counting = effective(last_valid_steps(attempts))
    alike = Group.objects.filter(counting, run_id=run_id, prompt_key=group.prompt_key)
    return alike.select_related("attempt").defer("texts").order_by("step", "index")


def solved(group: Group) -> list[bool | None]:
    """Which completions solve the prompt: their accuracy, or without one their reward, is 1 or
    more; None where that is not known."""
    scores, _ = group.numbers
    values = scores.get(ACCURACY, scores["reward"]).tolist()
    return [None if isnan(value) else value >= 1 for value in values]


def share_solved(group: Group) -> float | None:
    """Of the completions of which it is known, those that solve the prompt."""
    known = [right for right in solved(group) if right is not None]
    return sum(known) / len(known) if known else None


def answers(group: Group) -> list[Cluster]:
    """The group's completions by what they answer."""
    written = group.completions
    verdicts = group.verdicts
    given = verdicts.parsed if verdicts else [answer_of(one.text) for one in written]
    return clusters(given, [one.reward for one in written], solved(group), group.answer)


@dataclass(frozen=True)
class Bin:
    low: float
    high: float
    """As `low` where the bin is one value; else what lies below it, in the last bin it, too."""
    count: int


@dataclass(frozen=True)
class Histogram:
    bins: list[Bin]
    missing: int
    """Completions without a value."""


def histogram(
    *,
    run_id: int,
    column: str,
    conditions: Sequence[Condition],
    bins: int,
    attempt: int | None = None,
    superseded: bool = False,
) -> Histogram:
    """How often each value comes, or each of `bins` ranges of equal width where they are many."""
    names = {column, *(condition.column for condition in conditions)}
    table = read_table(run_id=run_id, names=names, attempt=attempt, superseded=superseded)
    values = table[column][table.matching(list(conditions))]
    finite = values[np.isfinite(values)]
    distinct, counts = np.unique(finite, return_counts=True)
    if len(distinct) <= MOST_DISTINCT:
        found = zip(distinct.tolist(), distinct.tolist(), counts.tolist(), strict=True)
    else:
        counts, edges = np.histogram(finite, bins)
        found = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    return Histogram([Bin(*one) for one in found], len(values) - len(finite))
