"""Money and energy of bookings, computed in the database, in whole numbers.

A booking costs its time at the price that held on its day: of its device model in the price book,
else of its node. That is rounded to a millionth of the currency's unit, and only then summed: so
sums agree, however they are grouped.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Greatest

from r1web.cluster.models import Node
from r1web.ledger.hardware import CARDS, CPU_SLOT, CPU_SLOT_W, UNKNOWN_W
from r1web.ledger.models import Booking, Price

HOUR_MS = 3_600_000
NODE_CURRENCY = "USD"
"""Of the price that a worker registers its node with."""
MICRO = 1_000_000


def micros(amount: Decimal) -> int:
    return round(amount * MICRO)


def price_on(device_model: str, day: date) -> Price | None:
    """What the price book says; of rows valid from the same day the last one added."""
    rows = Price.objects.filter(device_model=device_model, valid_from__lte=day)
    return rows.order_by("-valid_from", "-pk").first()


def priced(bookings: QuerySet[Booking]) -> QuerySet[Any]:
    """With `per_hour` in micro-units and `currency`; those without a price cost nothing."""
    rules = [*_book(), *_nodes()]
    per_hour = [When(of, then=Value(cost)) for of, cost, _ in rules]
    currency = [When(of, then=Value(name)) for of, _, name in rules if name != NODE_CURRENCY]
    return bookings.annotate(
        per_hour=Case(*per_hour, default=Value(0), output_field=BigIntegerField()),
        currency=Case(*currency, default=Value(NODE_CURRENCY), output_field=CharField()),
        watts=Case(*_watts(), default=Value(UNKNOWN_W), output_field=BigIntegerField()),
    )


def sums() -> dict[str, Sum]:
    """Aggregates of bookings that are `priced`: of time in device-milliseconds, of money in
    micro-units, of energy in millijoules."""
    cost = (F("device_ms") * F("per_hour") + HOUR_MS // 2) / HOUR_MS
    unmeasured = Greatest(F("device_ms") - F("measured_ms"), Value(0), output_field=INTEGER)
    return {
        "ms": Sum("device_ms", default=0),
        "micros": Sum(ExpressionWrapper(cost, output_field=INTEGER), default=0),
        "measured": Sum("measured_mj", default=0),
        "estimated": Sum(
            ExpressionWrapper(unmeasured * F("watts"), output_field=INTEGER), default=0
        ),
    }


INTEGER = BigIntegerField()


def _book() -> Iterator[tuple[Q, int, str]]:
    """Each price with the days on which it holds."""
    of_model: dict[str, list[Price]] = defaultdict(list)
    for price in Price.objects.order_by("valid_from", "pk"):
        rows = of_model[price.device_model]
        if rows and rows[-1].valid_from == price.valid_from:
            rows.pop()
        rows.append(price)
    for model, rows in of_model.items():
        ends = [*(row.valid_from for row in rows[1:]), date.max]
        for price, end in zip(rows, ends, strict=True):
            of = Q(device_model=model, day__gte=price.valid_from, day__lt=end)
            yield of, micros(price.per_hour), price.currency


def _nodes() -> Iterator[tuple[Q, int, str]]:
    nodes = Node.objects.exclude(price_per_device_hour=0)
    for name, per_hour in nodes.values_list("name", "price_per_device_hour"):
        yield Q(node=name), micros(per_hour), NODE_CURRENCY


def _watts() -> Sequence[When]:
    cards = [When(device_model__icontains=card.name, then=Value(card.watts)) for card in CARDS]
    return [When(device_model=CPU_SLOT, then=Value(CPU_SLOT_W)), *cards]
