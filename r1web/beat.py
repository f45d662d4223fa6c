"""When beat's tasks are due, by a clock that nobody sets.

By the time of day, nothing would be due for an hour after the clock was set back by one.
"""

import time
from datetime import UTC, datetime, timedelta

from celery.schedules import schedstate, schedule

STARTED = datetime.now(tz=UTC) - timedelta(seconds=time.monotonic())


def steady() -> datetime:
    """The time of day as it would be had nobody set the clock since this process began."""
    return STARTED + timedelta(seconds=time.monotonic())


class Every(schedule):
    """Due each so many seconds; at once when the last time, as beat's file has it, lies ahead."""

    def __init__(self, seconds: float) -> None:
        super().__init__(timedelta(seconds=seconds), nowfun=steady)

    def __reduce__(self) -> tuple[type["Every"], tuple[float]]:
        return Every, (self.seconds,)

    def is_due(self, last_run_at: datetime) -> schedstate:
        if self.maybe_make_aware(last_run_at) > self.now():
            return schedstate(is_due=True, next=self.seconds)
        return super().is_due(last_run_at)
