"""Afterwards: whether the database holds what the journals say, each thing once."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.load.journal import METRICS, OF_HEAD
from benchmarks.load.plan import GROUP_SIZE, Plan

JOURNAL_TYPES = ("started", "phase", "metrics", "rollouts", "finished")
POLL_S = 1.0
ALL = 10**9

Story = list[tuple[str, int, datetime]]
"""Type, step and time of each event."""


@dataclass
class Exactness:
    ingested_s: float
    """From the last line on until all runs were over; the patience when they were not."""
    lines: int = 0
    events: int = 0
    points: int = 0
    completions: int = 0
    faults: list[str] = field(default_factory=list)
    """Of runs, one sentence each."""


def wait_ingested(plan: Plan) -> float:
    """Wait until every run is over, at most as long as the load lasted and a bit."""
    from r1web.runs.models import ENDED, Run  # noqa: PLC0415 - after Django's set-up

    began = time.monotonic()
    patience = plan.size.opening_s + plan.size.seconds
    while Run.objects.exclude(state__in=ENDED).exists():
        if time.monotonic() - began > patience:
            break
        time.sleep(POLL_S)  # another process writes it
    return time.monotonic() - began


def last_seqs() -> dict[int, int]:
    from r1web.runs.models import Run  # noqa: PLC0415 - after Django's set-up

    return dict(Run.objects.values_list("pk", "last_seq"))


def compare(plan: Plan, ingested_s: float) -> Exactness:
    found = Exactness(ingested_s)
    for run in plan.runs:
        story = told(plan, run)
        found.lines += len(story)
        found.faults += [f"run {run}: {fault}" for fault in _faults(run, story, found)]
    return found


def told(plan: Plan, run: int) -> Story:
    """What the journal says. Raises when its lines are not numbered one by one."""
    story: Story = []
    with (plan.folder(run) / "events.jsonl").open("rb") as lines:
        for number, line in enumerate(lines, 1):
            head = OF_HEAD.match(line)
            if head is None or int(head[1]) != number:
                raise ValueError(f"The load itself wrote a wrong line {number} for run {run}.")
            at = datetime.fromtimestamp(float(head[2]), tz=UTC)
            story.append((head[4].decode(), int(head[3]), at))
    return story


def _faults(run: int, story: Story, found: Exactness) -> list[str]:
    from r1web.runs.models import Event, Run, State  # noqa: PLC0415 - after Django's set-up

    faults = []
    row = Run.objects.get(pk=run)
    if row.state != State.FINISHED:
        faults.append(f"it is {row.state}: {row.reason}")
    events = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    if events != list(range(1, row.last_seq + 1)):
        faults.append("its events are not numbered one by one")
    stored = Event.objects.filter(run=run, type__in=JOURNAL_TYPES).order_by("seq")
    rows = list(stored.values_list("type", "step", "at"))
    found.events += len(rows)
    if rows != story:
        faults.append(f"{len(story)} journal lines, but {len(rows)} events, or others")
    return [*faults, *_wrong_numbers(run, Counter(kind for kind, _, _ in story), found)]


def _wrong_numbers(run: int, kinds: Counter[str], found: Exactness) -> list[str]:
    from django.db.models import Sum  # noqa: PLC0415 - after Django's set-up

    from r1web.metrics.selectors import Steps, read_runs  # noqa: PLC0415 - likewise
    from r1web.rollouts.models import Group  # noqa: PLC0415 - likewise

    faults = []
    stored = read_runs(run_ids=[run], steps=Steps(1), max_points=ALL)[run].series
    steps = [one.columns.steps for one in stored if not one.name.startswith("system/")]
    counts = [(len(of_one), len(set(of_one.tolist()))) for of_one in steps if len(of_one)]
    found.points += sum(n for n, _ in counts)
    if counts != [(kinds["metrics"], kinds["metrics"])] * METRICS:
        faults.append(f"points are missing or doubled: {sorted(set(counts))[:3]}")
    completions = Group.objects.filter(run=run).aggregate(sum=Sum("size", default=0))["sum"]
    found.completions += completions
    if completions != kinds["rollouts"] * GROUP_SIZE:
        faults.append(f"{completions} completions, not {kinds['rollouts'] * GROUP_SIZE}")
    return faults
