"""The numbers of a run by which lists are sorted: those of its row, and each metric's newest."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet

from r1web.runs.models import Attempt, Run, ValueName
from r1web.runs.selectors.spending import seconds_held, spent

SHOWN_NUMBERS = {
    "reward": "reward/mean",
    "pass_at_1": "eval/pass_at_1",
    "tokens_per_s": "perf/tokens_per_s",
}
"""Metrics that have a field of their own in a row."""
OF_ROW = ("last_step", "duration_s", "device_hours", "cost_usd")
"""Names of the other values; those of metrics have a slash, or are whatever a trainer told."""

LATELY = 100
"""Runs that are looked at for the names of their metrics."""


def known_metrics(runs: QuerySet[Run]) -> list[str]:
    """Names of the metrics that the newest of the runs have told."""
    newest = runs.order_by("-pk")[:LATELY].values_list("summary", flat=True)
    return sorted({name for summary in newest for name in summary if name != "sparkline"})


def values_of(run: Run, attempts: Sequence[Attempt], now: datetime) -> dict[str, float]:
    """By name, without what is missing or not finite. `attempts` come from `with_devices`."""
    cost = spent(attempts, now)
    told = {name: value for name, value in run.summary.items() if isinstance(value, int | float)}
    values = told | {
        "last_step": float(run.last_step),
        "duration_s": sum(seconds_held(attempt, now) for attempt in attempts),
        "device_hours": cost.device_hours,
        "cost_usd": cost.usd,
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}


def keys_of_names(names: Iterable[str]) -> dict[str, int]:
    """Keys of those under which a value is kept: with the key alone, an index has them in order."""
    return dict(ValueName.objects.filter(name__in=list(names)).values_list("name", "pk"))


def value_name(field: str) -> str:
    """The name a value is kept under, for a field of the row or a metric."""
    return SHOWN_NUMBERS.get(field, field)
