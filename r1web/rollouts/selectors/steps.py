"""Reads the rollouts of one step, page by page."""

from dataclasses import dataclass
from typing import Literal

from django.db.models import Max, Min, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from r1web.rollouts.models import Group
from r1web.runs.models import Attempt, Run
from r1web.runs.snapshot import read_snapshot
from r1web.runs.superseded import effective, last_valid_steps

Sort = Literal["index", "reward", "-reward"]

UNSCORED = -1e300
"""Where a group without any reward stands by its reward: below all others."""


@dataclass(frozen=True)
class Position:
    """Where a page begins: after this group in the chosen order."""

    step: int
    rank: float
    pk: int


@dataclass(frozen=True)
class RolloutPage:
    step: int | None
    """The step shown; None when the run has no rollouts yet."""
    first_step: int | None
    last_step: int | None
    groups: list[Group]
    next_position: Position | None


def read_rollouts(
    *,
    run_id: int,
    step: int | None,
    sort: Sort,
    after: Position | None,
    limit: int,
    attempt: int | None = None,
) -> RolloutPage:
    """Groups of `step` (None: the newest one) with their completions.

    Superseded groups are left out unless `attempt` names the attempt to show.
    """
    with read_snapshot():
        groups = Group.objects.filter(_counting(run_id, attempt), run_id=run_id)
        ends = groups.order_by().aggregate(first=Min("step"), last=Max("step"))
        shown = ends["last"] if step is None else step
        page = list(_page(groups.filter(step=shown), sort, after)[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    last = page[-1] if more else None
    return RolloutPage(
        step=shown,
        first_step=ends["first"],
        last_step=ends["last"],
        groups=page,
        next_position=Position(last.step, _rank(last), last.pk) if last else None,
    )


def _counting(run_id: int, attempt: int | None) -> Q:
    if attempt is not None:
        return Q(attempt__number=attempt)
    attempts = Attempt.objects.filter(run=Run(pk=run_id)).only("number", "start_step", "started_at")
    return effective(last_valid_steps(attempts))


def _page(groups: QuerySet[Group], sort: Sort, after: Position | None) -> QuerySet[Group]:
    ranked = groups.annotate(rank=Coalesce("reward_mean", Value(UNSCORED)))
    ordered = {
        "index": ranked.order_by("index", "pk"),
        "reward": ranked.order_by("rank", "pk"),
        "-reward": ranked.order_by("-rank", "pk"),
    }[sort]
    if after is not None:
        ordered = ordered.filter(_after(sort, after))
    return ordered.select_related("attempt").prefetch_related("segment")


def _rank(group: Group) -> float:
    return UNSCORED if group.reward_mean is None else group.reward_mean


def _after(sort: Sort, position: Position) -> Q:
    later = Q(pk__gt=position.pk)
    if sort == "index":
        return later  # within a step groups are written in order of their index
    beyond = "rank__gt" if sort == "reward" else "rank__lt"
    return Q(**{beyond: position.rank}) | Q(rank=position.rank) & later
