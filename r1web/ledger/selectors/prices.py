"""The price book, with its history."""

from django.db.models import QuerySet

from r1web.ledger.models import Price
from r1web.ledger.schemas import PriceOut


def prices(device_model: str | None) -> QuerySet[Price]:
    """All rows that were ever added."""
    found = Price.objects.select_related("added_by")
    return found.filter(device_model=device_model) if device_model else found


def price_out(price: Price) -> PriceOut:
    return PriceOut(
        id=price.pk,
        device_model=price.device_model,
        currency=price.currency,
        per_hour=price.per_hour,
        tenure=Price.Tenure(price.tenure),
        valid_from=price.valid_from,
        note=price.note,
        added_by=price.added_by.username if price.added_by else None,
        added_at=price.added_at,
    )
