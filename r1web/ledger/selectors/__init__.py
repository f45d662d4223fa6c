"""What was booked, and what it costs."""

from r1web.ledger.selectors.forecasts import forecast, what_if
from r1web.ledger.selectors.ledgers import project_ledger, run_ledger
from r1web.ledger.selectors.planes import plane
from r1web.ledger.selectors.prices import price_out, prices

__all__ = ["forecast", "plane", "price_out", "prices", "project_ledger", "run_ledger", "what_if"]
