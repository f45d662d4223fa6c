"""Whose turn it is: by priority, then fairly between projects, then by age."""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from itertools import groupby

from r1web.cluster.planning.snapshot import ProjectView, QueuedRun


def in_order(
    runs: Iterable[QueuedRun], held: Mapping[int, int], projects: Mapping[int, ProjectView]
) -> list[QueuedRun]:
    """The queue, first in line first; `held` are the devices that each project holds now.

    Within a priority come first the runs for which nodes are kept: whoever was first in line stays
    there, which is why nobody waits for ever. Then projects take turns, see `_take_turns`.
    """
    ahead = defaultdict(int, held)
    ordered: list[QueuedRun] = []
    by_priority = sorted(runs, key=lambda run: (-run.priority, run.queued_at, run.key))
    for _, group in groupby(by_priority, key=lambda run: run.priority):
        level = list(group)
        first = [run for run in level if run.reserved_nodes]
        for run in first:
            ahead[run.project] += run.need.devices
        ordered += first
        ordered += _take_turns([run for run in level if not run.reserved_nodes], ahead, projects)
    return ordered


def _take_turns(
    runs: Iterable[QueuedRun], ahead: dict[int, int], projects: Mapping[int, ProjectView]
) -> Iterable[QueuedRun]:
    """Next is the oldest run of the project that has least.

    That is: fewest devices, those it holds and those of its runs further ahead; then fewest
    device-seconds lately; then the older run.
    """
    waiting: dict[int, deque[QueuedRun]] = defaultdict(deque)
    for run in runs:
        waiting[run.project].append(run)

    def turn(project: int) -> tuple[int, float, float, int]:
        oldest = waiting[project][0]
        recent = projects[project].recent_device_s
        return (ahead[project], recent, oldest.queued_at, oldest.key)

    heap = [(turn(project), project) for project in waiting]
    heapq.heapify(heap)
    while heap:
        _, project = heapq.heappop(heap)
        run = waiting[project].popleft()
        ahead[project] += run.need.devices
        yield run
        if waiting[project]:
            heapq.heappush(heap, (turn(project), project))
