"""Moments as whole milliseconds since 1970, in which the ledger counts."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)


def in_ms(moment: datetime) -> int:
    return (moment - EPOCH) // MS


def moment_of(ms: int) -> datetime:
    return EPOCH + ms * MS
