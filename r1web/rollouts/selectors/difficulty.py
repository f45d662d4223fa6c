"""What is solved of which difficulty by when, and when each prompt was first solved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from r1web.rollouts.columns import Array
from r1web.rollouts.models import Group
from r1web.rollouts.packing import ACCURACY
from r1web.rollouts.selectors.table import read_table
from r1web.rollouts.where import Condition

MOST_LEVELS = 12
"""So many difficulties stand by themselves; more are put together into as many ranges."""
Order = Literal["solved", "-solved", "difficulty", "-difficulty", "asked", "-asked"]


@dataclass(frozen=True)
class Groups:
    """Of each group of which some completion counts."""

    pk: Array
    prompt: Array
    step: Array
    difficulty: Array
    """NaN where it is not known."""
    completions: Array
    solved: Array
    """Completions that solve the prompt."""


@dataclass(frozen=True)
class Span:
    low: float
    high: float
    """Within the range."""


@dataclass(frozen=True)
class ByDifficulty:
    """Tables with a row for each range of difficulties and a cell for each range of steps."""

    steps: list[Span]
    difficulties: list[Span | None]
    """None, the last: of unknown difficulty."""
    completions: list[list[int]]
    solved: list[list[float | None]]
    """Share of the completions that solve their prompt; None where there are none."""
    prompts: list[list[int]]
    """Prompts asked, each as often as it was."""
    prompts_solved: list[list[float | None]]
    """Share of them that some completion solves."""


def by_difficulty(
    *, run_id: int, conditions: Sequence[Condition], buckets: int, attempt: int | None = None
) -> ByDifficulty:
    """Over the completions that the conditions hold for, in at most `buckets` ranges of steps."""
    groups = _groups(run_id, conditions, attempt)
    spans, column = _step_spans(groups.step, buckets)
    levels, row = _levels(groups.difficulty)
    shape = (len(levels), len(spans))
    cell = row * len(spans) + column

    def added(values: Array) -> Array:
        sums = np.bincount(cell, values, minlength=shape[0] * shape[1])
        return sums.reshape(shape)

    completions, prompts = added(groups.completions), added(np.ones(len(cell)))
    return ByDifficulty(
        steps=spans,
        difficulties=levels,
        completions=completions.astype(int).tolist(),
        solved=_shares(added(groups.solved), completions),
        prompts=prompts.astype(int).tolist(),
        prompts_solved=_shares(added(groups.solved > 0), prompts),
    )


@dataclass(frozen=True)
class Prompt:
    """One of a run, however often it was asked."""

    group: Group
    """The first that solved it; else the first that tried."""
    asked: int
    """How often."""
    first_step: int
    """When it was first asked."""
    solved_step: int | None
    """When a completion first solved it."""
    solved: float
    """Share of all its completions that did."""


@dataclass(frozen=True)
class Prompts:
    prompts: list[Prompt]
    total: int
    solved: int
    """Those that were solved at least once."""


def first_solved(
    *,
    run_id: int,
    conditions: Sequence[Condition],
    order: Order,
    start: int,
    limit: int,
    attempt: int | None = None,
) -> Prompts:
    """The run's prompts from place `start` of the order on; what is not known comes last."""
    groups = _groups(run_id, conditions, attempt)
    earliest = np.lexsort((groups.pk, groups.step, groups.solved == 0))
    keys, first, prompt = np.unique(groups.prompt[earliest], return_index=True, return_inverse=True)
    best = earliest[first]  # of each prompt the first that solved it, or else the first of all
    steps = groups.step[earliest]
    asked_first = np.full(len(keys), np.inf)
    np.minimum.at(asked_first, prompt, steps)
    asked = np.bincount(prompt, minlength=len(keys))
    completions = np.bincount(prompt, groups.completions[earliest], minlength=len(keys))
    solved = np.bincount(prompt, groups.solved[earliest], minlength=len(keys))
    solved_step = np.where(solved > 0, groups.step[best], np.nan)
    by = {"solved": solved_step, "difficulty": groups.difficulty[best], "asked": asked}
    ranks = by[order.removeprefix("-")].astype(float)
    places = np.lexsort((groups.pk[best], -ranks if order.startswith("-") else ranks))
    page = places[start : start + limit]
    rows = Group.objects.select_related("attempt").defer("texts", "scores")
    found = rows.in_bulk([int(key) for key in groups.pk[best[page]]])
    return Prompts(
        prompts=[
            Prompt(
                group=found[int(groups.pk[best[place]])],
                asked=int(asked[place]),
                first_step=int(asked_first[place]),
                solved_step=int(solved_step[place]) if solved[place] else None,
                solved=float(solved[place] / completions[place]),
            )
            for place in page
        ],
        total=len(keys),
        solved=int((solved > 0).sum()),
    )


def _groups(run_id: int, conditions: Sequence[Condition], attempt: int | None) -> Groups:
    names = {"group", "prompt", "step", "difficulty", "reward", *(c.column for c in conditions)}
    table = read_table(run_id=run_id, names=names, optional=[ACCURACY], attempt=attempt)
    counts = table.matching(list(conditions))
    begins = np.flatnonzero(np.diff(table["group"], prepend=-1))
    right = counts & (table.columns.get(ACCURACY, table["reward"]) >= 1)
    completions, solved = (
        np.add.reduceat(each.astype(np.int64), begins) if len(begins) else np.zeros(0, np.int64)
        for each in (counts, right)
    )
    some = completions > 0
    rows = begins[some]
    return Groups(
        pk=table["group"][rows],
        prompt=table["prompt"][rows],
        step=table["step"][rows].astype(np.int64),
        difficulty=table["difficulty"][rows],
        completions=completions[some],
        solved=solved[some],
    )


def _step_spans(steps: Array, buckets: int) -> tuple[list[Span], Array]:
    """Ranges of equally many steps, the last may have fewer; and which one each step is in."""
    if not len(steps):
        return [], steps
    first, last = int(steps.min()), int(steps.max())
    width = -(-(last - first + 1) // buckets)
    begins = range(first, last + 1, width)
    return [Span(begin, min(begin + width - 1, last)) for begin in begins], (steps - first) // width


def _levels(difficulty: Array) -> tuple[list[Span | None], Array]:
    """Each difficulty, or ranges of equal width where they are many; and which one each is in."""
    known = np.isfinite(difficulty)
    distinct, place = np.unique(difficulty[known].astype(np.float64), return_inverse=True)
    spans: list[Span | None] = [Span(float(value), float(value)) for value in distinct]
    if len(distinct) > MOST_LEVELS:
        edges = np.linspace(distinct[0], distinct[-1], MOST_LEVELS + 1)
        place = np.clip(np.searchsorted(edges, difficulty[known], "right") - 1, 0, MOST_LEVELS - 1)
        spans = [Span(*pair) for pair in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    row = np.full(len(difficulty), len(spans))
    row[known] = place
    return spans if known.all() else [*spans, None], row


def _shares(part: Array, whole: Array) -> list[list[float | None]]:
    return [
        [some / all_ if all_ else None for some, all_ in zip(*rows, strict=True)]
        for rows in zip(part.tolist(), whole.tolist(), strict=True)
    ]
