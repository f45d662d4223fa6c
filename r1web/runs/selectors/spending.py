"""What runs have cost: devices held, for how long, at their nodes' price."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from r1web.accounts.models import Project
from r1web.runs.models import Attempt


@dataclass(frozen=True)
class Spent:
    device_hours: float
    usd: float


@dataclass(frozen=True)
class Hold:
    devices: int
    usd_per_hour: float


def with_devices() -> QuerySet[Attempt]:
    """Attempts with their nodes, how many devices they hold or held, and what these cost an hour.

    A device that its node has lost since costs what those of the leading node do.
    """
    price = Coalesce(
        "leases__device__node__price_per_device_hour", "node__price_per_device_hour", Decimal(0)
    )
    return Attempt.objects.select_related("node").annotate(
        devices=Count("leases"), usd_per_hour=Sum(price, filter=Q(leases__isnull=False))
    )


def spent(attempts: Iterable[Attempt], now: datetime, since: datetime | None = None) -> Spent:
    """By these attempts, which come from `with_devices`, in all or from `since` on."""
    hours = usd = 0.0
    for attempt in attempts:
        held, lasted = hold(attempt), seconds_held(attempt, now, since) / 3600
        hours += held.devices * lasted
        usd += held.usd_per_hour * lasted
    return Spent(hours, usd)


def hold(attempt: Attempt) -> Hold:
    """What an attempt holds or held; it comes from `with_devices`."""
    devices: int = attempt.devices  # type: ignore[attr-defined]  # annotated there
    usd_per_hour: Decimal | None = attempt.usd_per_hour  # type: ignore[attr-defined]  # likewise
    return Hold(devices, float(usd_per_hour or 0))


def spent_by_project(project: Project, now: datetime, since: datetime) -> Spent:
    """By all its runs, deleted ones too."""
    attempts = with_devices().filter(run__project=project, claimed_at__isnull=False)
    return spent(attempts.filter(Q(ended_at=None) | Q(ended_at__gt=since)), now, since)


def seconds_held(attempt: Attempt, now: datetime, since: datetime | None = None) -> float:
    """Since its node took it: loading holds the devices too."""
    start = attempt.claimed_at or attempt.started_at
    if start is None:
        return 0.0
    return max(0.0, ((attempt.ended_at or now) - max(start, since or start)).total_seconds())
