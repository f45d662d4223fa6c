"""How a run's completions change from step to step, and when prompts were first solved."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from r1web.rollouts.columns import Array
from r1web.rollouts.packing import ACCURACY
from r1web.rollouts.selectors.reading import Reader
from r1web.rollouts.selectors.table import Table, read_table
from r1web.rollouts.traits import reflections
from r1web.rollouts.where import Condition

COLUMNS = ("step", "length", "finish_reason", "reflections", "other_script", "reward")
SAMPLE = 600
"""Groups in which words are counted that were not counted when they were written."""


@dataclass(frozen=True)
class BySteps:
    """Columns with a value for each step."""

    steps: list[int]
    completions: list[int]
    length: list[float | None]
    """Mean, in tokens."""
    truncated: list[float | None]
    """Share of completions that were cut."""
    reflective: list[float | None]
    """Share of completions with a reflective word."""
    reflections: list[float | None]
    """Reflective words in a completion, mean."""
    counted: int
    """Completions in which these were counted."""
    mixed: list[float | None]
    """Share of completions with letters of other scripts than the prompt's."""
    other_script: list[float | None]
    """Share of such letters, mean over completions."""
    solved: list[float | None]
    """Share of completions that solve the prompt."""
    prompts: list[int]
    """Different prompts tried so far."""
    prompts_solved: list[int]
    """Of these, solved at least once by then."""
    newly_solved: list[int]
    """Prompts that were solved at this step for the first time."""


def by_steps(
    *,
    run_id: int,
    conditions: Sequence[Condition],
    words: tuple[str, ...] = (),
    attempt: int | None = None,
) -> BySteps:
    """Over the completions that the conditions hold for. Other reflective words than the usual
    ones are counted in a sample of groups, spread evenly."""
    columns = {"group", "index", "prompt", *COLUMNS}
    names = columns | {condition.column for condition in conditions}
    table = read_table(run_id=run_id, names=names, optional=[ACCURACY], attempt=attempt)
    rows = np.flatnonzero(table.matching(list(conditions)))
    counted = _counted(table, rows, words) if words else table["reflections"]
    given = {name: table[name][rows] for name in columns}
    steps, place = np.unique(table["step"][rows], return_inverse=True)
    solved = table.columns.get(ACCURACY, table["reward"])[rows] >= 1
    mean = partial(_mean, place, len(steps))
    tried, first_solved = (
        _firsts(given["prompt"][which], place[which], len(steps))
        for which in (np.ones(len(rows), bool), solved)
    )
    return BySteps(
        steps=[int(step) for step in steps],
        completions=np.bincount(place, minlength=len(steps)).tolist(),
        length=mean(given["length"]),
        truncated=mean(given["finish_reason"]),
        reflective=mean(np.where(np.isnan(counted[rows]), np.nan, counted[rows] > 0)),
        reflections=mean(counted[rows]),
        counted=int(np.isfinite(counted[rows]).sum()),
        mixed=mean(given["other_script"] > 0),
        other_script=mean(given["other_script"]),
        solved=mean(solved),
        prompts=np.cumsum(tried).tolist(),
        prompts_solved=np.cumsum(first_solved).tolist(),
        newly_solved=first_solved.tolist(),
    )


def _mean(place: Array, steps: int, values: Array) -> list[float | None]:
    """Of the values that there are, at each step."""
    known = np.isfinite(values)
    sums = np.bincount(place[known], values[known].astype(np.float64), minlength=steps)
    counts = np.bincount(place[known], minlength=steps)
    return [x / n if n else None for x, n in zip(sums.tolist(), counts.tolist(), strict=True)]


def _counted(table: Table, rows: Array, words: tuple[str, ...]) -> Array:
    """How often the words stand in completions of the sample; NaN for all others."""
    groups = np.unique(table["group"][rows])
    if not len(groups):
        return np.full(len(table), np.nan)
    sample = groups[np.unique(np.linspace(0, len(groups), SAMPLE, endpoint=False).astype(int))]
    counts = np.full(len(table), np.nan)
    for group in Reader().read([int(key) for key in sample]):
        begin = int(np.searchsorted(table["group"], group.pk))
        for index, text in enumerate(group.searched[: group.size]):
            counts[begin + index] = reflections(text.decode(), words)
    return counts


def _firsts(prompts: Array, place: Array, steps: int) -> Array:
    order = np.argsort(place, kind="stable")  # an attempt that was resumed comes later, not higher
    _, first = np.unique(prompts[order], return_index=True)
    return np.bincount(place[order][first], minlength=steps)
