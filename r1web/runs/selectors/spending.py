"""What runs have cost: devices held, for how long, at the price of the day they were leased on.

The ledger has the exact account, day by day; this is what lists and budgets can tell of many runs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, TruncDate

from r1web.accounts.models import Project
from r1web.ledger.hardware import CPU_SLOT
from r1web.ledger.models import Price
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

    That is what the price book says in US dollars, else the price of the node. A device that its
    node has lost since costs what those of the leading node do.
    """
    price = Coalesce(
        Subquery(_in_the_book()),
        "leases__device__node__price_per_device_hour",
        "node__price_per_device_hour",
        Decimal(0),
    )
    model = Case(
        When(leases__device__kind="cpu", then=Value(CPU_SLOT)), default="leases__device__model"
    )
    return (
        Attempt.objects.select_related("node")
        .alias(device_model=model, leased_on=TruncDate("leases__created_at"))
        .annotate(devices=Count("leases"), usd_per_hour=Sum(price, filter=Q(leases__isnull=False)))
    )


def _in_the_book() -> QuerySet[Price, Decimal]:
    """The price of a lease's device on the day on which it was leased."""
    rows = Price.objects.filter(
        device_model=OuterRef("device_model"),
        valid_from__lte=OuterRef("leased_on"),
        currency="USD",
    )
    return rows.order_by("-valid_from", "-pk").values_list("per_hour", flat=True)[:1]


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
