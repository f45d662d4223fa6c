"""The price book is added to, never changed."""

import logging
from itertools import islice
from typing import Any

from r1web.accounts.models import User
from r1web.ledger.models import Booking, Price
from r1web.runs.models import ACTIVE, Run
from r1web.runs.services.listing import keep_last_values

logger = logging.getLogger(__name__)

BATCH = 500


def add_price(*, actor: User, **fields: Any) -> Price:
    """Who added it, and when, stays with it; what it replaces stays, too."""
    price = Price.objects.create(added_by=actor, **fields)
    logger.info("%s added a price: %s", actor, price)
    _reprice(price)
    return price


def _reprice(price: Price) -> None:
    """Lists find and sort runs that nobody works on by what was written when these ended."""
    booked = Booking.objects.filter(device_model=price.device_model, day__gte=price.valid_from)
    runs = Run.objects.filter(pk__in=booked.values("run")).exclude(state__in=ACTIVE)
    keys = iter(runs.order_by("pk").values_list("pk", flat=True))
    while some := list(islice(keys, BATCH)):
        keep_last_values(some)
