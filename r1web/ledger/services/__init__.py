"""What is booked."""

from r1web.ledger.services.metering import (
    Measured,
    begin,
    book,
    go_on,
    let_go,
    note_fault,
    stop,
)
from r1web.ledger.services.pricing import add_price

__all__ = ["Measured", "add_price", "begin", "book", "go_on", "let_go", "note_fault", "stop"]
