"""Reads many groups one after the other."""

from collections.abc import Collection, Iterator, Sequence

from r1web.rollouts.models import Group, Segment
from r1web.runs.models import Attempt

BATCH = 32
"""Groups that are read at once."""


class Reader:
    """Reads groups, and what many of them share but once."""

    def __init__(self) -> None:
        self.segments: dict[int, Segment] = {}
        self.attempts: dict[int, Attempt] = {}

    def read(self, keys: Sequence[int]) -> Iterator[Group]:
        """These, in this order, as many at once as are likely to be looked at."""
        for begin in range(0, len(keys), BATCH):
            batch = keys[begin : begin + BATCH]
            groups = Group.objects.in_bulk(batch)
            self._share(groups.values())
            yield from (groups[key] for key in batch)

    def _share(self, groups: Collection[Group]) -> None:
        missing = {group.segment_id for group in groups} - self.segments.keys()
        self.segments |= Segment.objects.in_bulk(missing) if missing else {}
        missing = {group.attempt_id for group in groups} - self.attempts.keys()
        self.attempts |= Attempt.objects.in_bulk(missing) if missing else {}
        for group in groups:
            group.segment = self.segments[group.segment_id]
            group.attempt = self.attempts[group.attempt_id]
