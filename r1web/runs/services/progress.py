"""The newest numbers of a run, kept on its row so that a list needs no series."""

import math
from collections.abc import Mapping

from r1web.runs.models import Run

SPARKLINE_POINTS = 60
REWARD = "reward/mean"


def record_progress(*, run: Run, step: int, values: Mapping[str, float]) -> None:
    """Lay one step's values over `run.summary` and `run.last_step`, in memory.

    The caller holds the row's lock and saves both fields. A value that is not finite becomes null:
    JSON has no word for it.
    """
    finite = {name: x if math.isfinite(x) else None for name, x in values.items()}
    summary = {**run.summary, **finite}
    if REWARD in finite:
        summary["sparkline"] = [*run.summary.get("sparkline", []), finite[REWARD]]
        summary["sparkline"] = summary["sparkline"][-SPARKLINE_POINTS:]
    run.summary = summary
    run.last_step = step
