"""The newest numbers of a run, kept on its row so that a list needs no series."""

import math
from collections.abc import Mapping, Sequence

from r1web.runs.models import Run

SPARKLINE_POINTS = 60
REWARD = "reward/mean"


def record_progress(*, run: Run, told: Sequence[tuple[int, Mapping[str, float]]]) -> None:
    """Lay the values of these steps over `run.summary` and `run.last_step`, in memory.

    The caller holds the row's lock and saves both fields. A value that is not finite becomes null:
    JSON has no word for it.
    """
    if not told:
        return
    newest: dict[str, float] = {}
    for _, values in told:
        newest.update(values)
    rewards = [_finite(values[REWARD]) for _, values in told if REWARD in values]
    summary = {**run.summary, **{name: _finite(value) for name, value in newest.items()}}
    if rewards:
        sparkline = [*run.summary.get("sparkline", []), *rewards]
        summary["sparkline"] = sparkline[-SPARKLINE_POINTS:]
    run.summary = summary
    run.last_step = told[-1][0]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
