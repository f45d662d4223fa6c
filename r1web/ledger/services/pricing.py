"""The price book is added to, never changed."""

import logging
from typing import Any

from r1web.accounts.models import User
from r1web.ledger.models import Price

logger = logging.getLogger(__name__)


def add_price(*, actor: User, **fields: Any) -> Price:
    """Who added it, and when, stays with it; what it replaces stays, too."""
    price = Price.objects.create(added_by=actor, **fields)
    logger.info("%s added a price: %s", actor, price)
    return price
