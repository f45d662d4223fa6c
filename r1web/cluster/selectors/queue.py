"""The queue as the next pass of the scheduler will see it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.db.models import F, QuerySet

from r1web.accounts.models import Membership, Project, User
from r1web.accounts.selectors import CHANGERS, memberships_of
from r1web.cluster.models import Node
from r1web.cluster.planning import Plan, Snapshot, Wait, estimate_starts, make_plan
from r1web.cluster.selectors.snapshot import resuming_runs, snapshot
from r1web.runs.models import Attempt, Run, State

FORESEEN = 400
"""Of so many that wait it is told when they start; of those behind them it would mean little."""
PACE_OF = 200
"""So many attempts that finished last tell how long a step of each preset takes."""
STARTS = "Starts in a moment."


@dataclass(frozen=True)
class QueuedLine:
    """A waiting run that the user may see."""

    run: Run
    position: int
    """In the whole queue, from 1; other people's runs count too."""
    devices: int
    nodes: int
    """Over which the devices are spread."""
    kept: list[str]
    """Names of the nodes that are kept for it."""
    reason: str
    possible: bool
    starts_in_s: float | None
    may_change: bool


class Place(NamedTuple):
    """Where a page of the queue ends."""

    position: int
    run: int


@dataclass(frozen=True)
class ProjectUse:
    project: Project
    devices_held: int


@dataclass(frozen=True)
class Queue:
    lines: list[QueuedLine]
    end: Place | None
    """Where these lines end; None: at the end of the queue."""
    length: int
    resuming: list[Run]
    """What goes on by itself after a pause: no more than the cluster ran in the last hour."""
    projects: list[ProjectUse]


def queue_for(user: User, *, after: Place | None, limit: int) -> Queue:
    """The first `limit` runs after that place that the user may see, and what his projects hold.

    Beside them those that are not in it yet, because they pause before they go on by themselves.
    """
    seen = snapshot(Node.objects.defer("load", "versions"))
    memberships = list(memberships_of(user))
    projects = {membership.project_id for membership in memberships}
    plan = make_plan(seen)
    rest = _after(after, _visible(seen, plan, projects))
    return Queue(
        lines=_lines(seen, plan, rest[:limit], memberships),
        end=_end(rest, limit),
        length=len(seen.runs),
        resuming=list(_shown(resuming_runs().filter(project__in=projects))),
        projects=_uses(seen, memberships),
    )


def _uses(seen: Snapshot, memberships: Sequence[Membership]) -> list[ProjectUse]:
    held: Counter[int] = Counter()
    for holding in seen.holdings:
        held[holding.project] += len(holding.devices)
    return [ProjectUse(m.project, held[m.project_id]) for m in memberships]


Placed = tuple[int, Wait]
"""A waiting run, with its position in the whole queue before it."""


def _visible(seen: Snapshot, plan: Plan, projects: Collection[int]) -> list[Placed]:
    project_of = {run.key: run.project for run in seen.runs}
    waits = [Wait(placed.run, STARTS) for placed in plan.placements] + plan.waits
    numbered = enumerate(waits, start=1)
    return [(position, wait) for position, wait in numbered if project_of[wait.run] in projects]


def _after(place: Place | None, visible: list[Placed]) -> list[Placed]:
    """From behind that run on; once it has left the queue, from the position that it had."""
    if place is None:
        return visible
    for index, (_, wait) in enumerate(visible):
        if wait.run == place.run:
            return visible[index + 1 :]
    return [(position, wait) for position, wait in visible if position >= place.position]


def _end(rest: Sequence[Placed], limit: int) -> Place | None:
    if len(rest) <= limit:
        return None
    position, wait = rest[limit - 1]
    return Place(position, wait.run)


def _lines(
    seen: Snapshot, plan: Plan, shown: Sequence[Placed], memberships: Sequence[Membership]
) -> list[QueuedLine]:
    roles = {membership.project_id: membership.role for membership in memberships}
    asked = {run.key: run for run in seen.runs}
    runs = _shown(Run.objects.all()).in_bulk([wait.run for _, wait in shown])
    names = {node.key: node.name for node in seen.nodes}
    starts = _starts(seen, plan, max((position for position, _ in shown), default=0))
    return [
        QueuedLine(
            run=runs[wait.run],
            position=position,
            devices=asked[wait.run].need.devices,
            nodes=asked[wait.run].need.nodes,
            kept=[names[node] for node in wait.reserved_nodes],
            reason=wait.reason,
            possible=wait.possible,
            starts_in_s=starts.get(wait.run),
            may_change=roles[asked[wait.run].project] in CHANGERS,
        )
        for position, wait in shown
        if wait.run in runs
    ]


def _shown(runs: QuerySet[Run]) -> QuerySet[Run]:
    return runs.select_related("project", "owner").defer("config", "overrides", "summary")


def _starts(seen: Snapshot, plan: Plan, until: int) -> dict[int, float]:
    """Seconds until those of the first `until` runs start of which that can be told."""
    starting = {placed.run: 0.0 for placed in plan.placements}
    waiting = [wait.run for wait in plan.waits if wait.possible and not wait.for_quota]
    waiting = waiting[: max(0, min(until - len(starting), FORESEEN))]
    expected = _expected([*starting, *waiting])
    timed = replace(seen, runs=[replace(run, lasts_s=expected.get(run.key)) for run in seen.runs])
    return starting | estimate_starts(timed, plan, waiting)


def _expected(runs: Sequence[int]) -> dict[int, float]:
    """Seconds that each run takes at the pace that its preset had lately."""
    pace = _seconds_a_step()
    rows = Run.objects.filter(pk__in=runs).values_list("pk", "preset", "total_steps", "last_step")
    return {
        key: pace[preset] * (total - done) for key, preset, total, done in rows if preset in pace
    }


def _seconds_a_step() -> dict[str, float]:
    ended = Attempt.objects.filter(outcome=State.FINISHED, run__last_step__gt=F("start_step"))
    rows = (
        ended.exclude(started_at=None)
        .order_by("-ended_at")
        .values_list("run__preset", "started_at", "ended_at", "start_step", "run__last_step")
    )
    found: dict[str, list[float]] = defaultdict(list)
    for preset, start, end, before, after in rows[:PACE_OF]:
        if start and end:
            found[preset].append((end - start).total_seconds() / (after - before))
    return {preset: sum(paces) / len(paces) for preset, paces in found.items()}
