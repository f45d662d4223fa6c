"""What the supervisor reads and writes about its attempt, besides the journal."""

import os
import time
from collections.abc import Mapping, Sequence

import psutil
from django.db import transaction

from r1web.bulk import save_all
from r1web.cluster import services
from r1web.cluster.models import Device, Follower
from r1web.cluster.services.booking import go_on
from r1web.cluster.services.followers import row
from r1web.cluster.supervisor import plan
from r1web.cluster.supervisor.ending import Told
from r1web.ledger.services import Measured
from r1web.metrics.services import Known, Sample, append_points
from r1web.processes import since_boot
from r1web.runs.models import Attempt, Desired, Event, Run
from r1web.runs.services import NewEvent, News, append_events, append_to_locked, lock


def load_follower(attempt_id: int, node_rank: int) -> Follower:
    parts = Follower.objects.select_related("attempt__run", "attempt__node", "node")
    return parts.get(attempt=attempt_id, node_rank=node_rank)


def load(attempt_id: int) -> Attempt:
    return Attempt.objects.select_related("run", "node").get(pk=attempt_id)


def introduce(part: Attempt | Follower) -> None:
    """Note which process supervises."""
    me = psutil.Process(os.getpid())
    row(part).update(supervisor_pid=me.pid, supervisor_started=since_boot(me))
    beat(part)


def beat(part: Attempt | Follower) -> None:
    if isinstance(part, Follower):
        services.follower_heard(follower_id=part.pk)
    else:
        services.heard(attempt_ids=[part.pk])


def disown(part: Attempt | Follower) -> None:
    """This process lives but does not supervise it any more: what is named is nobody."""
    row(part).filter(supervisor_pid=os.getpid()).update(supervisor_started=0.0)


def take_leave(part: Attempt | Follower) -> None:
    """All is done that this process was there for."""
    mine = row(part).filter(supervisor_pid=os.getpid())
    mine.update(supervisor_pid=None, supervisor_started=None)


def attempt_before(attempt: Attempt) -> Attempt | None:
    earlier = Attempt.objects.filter(run=attempt.run, number__lt=attempt.number)
    return earlier.order_by("-number").first()


def go_on_after(attempt: Attempt, earlier: Attempt) -> int:
    """Let the attempt read the journal from where the earlier one's part ends; that place."""
    present = Attempt.objects.get(pk=earlier.pk)
    Attempt.objects.filter(pk=attempt.pk).update(
        journal_seq=present.journal_seq, journal_offset=present.journal_offset
    )
    return present.journal_offset


def note_launcher(part: Attempt | Follower, pid: int, created: float) -> None:
    row(part).update(launcher_pid=pid, launcher_started=created)


def leased_gpus(part: Attempt | Follower) -> frozenset[int]:
    gpus = plan.leased(part).filter(kind=Device.Kind.GPU)
    return frozenset(gpus.values_list("index", flat=True))


def wanted_to_end(attempt_ids: Sequence[int]) -> set[int]:
    """Those of which somebody asked for the end, or which were given up meanwhile."""
    present = Attempt.objects.filter(pk__in=attempt_ids)
    wanted = present.exclude(ended_at=None, run__desired=Desired.RUNNING)
    return set(wanted.values_list("pk", flat=True))


def has_followers(attempt: Attempt) -> bool:
    """Whether other nodes still work at it."""
    return Follower.objects.filter(attempt=attempt, ended_at=None).exists()


def followers_told(attempt: Attempt) -> list[Told]:
    """What the other nodes say whose part has ended otherwise than well, the first one first."""
    ended = Follower.objects.filter(attempt=attempt, ended_at__isnull=False).exclude(reason="")
    parts = ended.select_related("node").order_by("ended_at")
    return [_told(part) for part in parts]


def _told(part: Follower) -> Told:
    reason, _, log = part.reason.partition("\n\n")
    return Told(f"{part.node} (node rank {part.node_rank})", reason, log)


@transaction.atomic
def record_samples(
    measured: Sequence[tuple[Measured, Mapping[str, float]]], known: Known | None = None
) -> None:
    """What was measured of the attempts just now."""
    now = time.time()
    runs = Run.objects.select_for_update(no_key=True).order_by("pk")
    run_of = runs.in_bulk([of.attempt.run_id for of, _ in measured])
    found = [
        (run_of[of.attempt.run_id], of.attempt, values)
        for of, values in measured
        if of.attempt.run_id in run_of
    ]
    append_points([Sample(of, run.last_step, now, values) for run, of, values in found], known)
    append_to_locked([News(run, of, [_system(run, values, now)]) for run, of, values in found])
    save_all([run for run, _, _ in found], ["last_seq"])
    go_on([of for of, _ in measured if of.attempt.run_id in run_of])


def _system(run: Run, values: Mapping[str, float], now: float) -> NewEvent:
    return NewEvent("system", {"time": now, "values": dict(values)}, step=run.last_step)


@transaction.atomic
def record_log(attempt: Attempt, level: str, message: str) -> None:
    run = lock(attempt.run)
    event = NewEvent("log", {"level": level, "message": message}, step=run.last_step)
    append_events(run=run, attempt=attempt, items=[event])


def last_word(attempt: Attempt) -> dict[str, str] | None:
    """How the journal says that the attempt ended, when it does."""
    finished = Event.objects.filter(attempt=attempt, type="finished").order_by("-seq").first()
    return finished.payload if finished else None
