"""What is booked."""

from r1web.ledger.services.metering import begin, book, go_on, stop

__all__ = ["begin", "book", "go_on", "stop"]
