"""Attempts on leased GPUs, with a clock that the test moves and a journal that it writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import DataError
from django.utils import timezone

from r1web.cluster.models import Device, Follower, Lease, Node
from r1web.cluster.services import end_attempt
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.record import record_samples
from r1web.ledger import services
from r1web.ledger.energy import Energy
from r1web.ledger.models import Booking, Meter
from r1web.runs.models import Attempt, Run, State
from tests.r1web.cluster.test_ingest import lines_of, record

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@dataclass
class Story:
    """A run as its attempts live it, one after the other."""

    run: Run
    clock: Clock
    gpus: list[list[Device]]
    """Of each node, the leading one first."""
    attempt: Attempt | None = None
    seq: int = 0
    offset: int = 0
    numbers: list[int] = field(default_factory=list)

    def begin(self, start_step: int = 0) -> Attempt:
        self.attempt = Attempt.objects.create(
            run=self.run, number=self.run.attempts.count() + 1, start_step=start_step,
            node=self.gpus[0][0].node, claimed_at=self.clock.now,
            journal_seq=self.seq, journal_offset=self.offset,
        )  # fmt: skip
        Lease.objects.bulk_create(
            Lease(device=gpu, attempt=self.attempt) for gpus in self.gpus for gpu in gpus
        )
        for rank, gpus in enumerate(self.gpus[1:], 1):
            Follower.objects.create(
                attempt=self.attempt, node=gpus[0].node, node_rank=rank, claimed_at=self.clock.now
            )
        services.begin(attempt=self.attempt, since=self.clock.now)
        return self.attempt

    def tell(self, type_: str, step: int = 0, *, skew_s: float = 0.0, **fields: Any) -> None:
        """A line of the journal, and its ingest."""
        assert self.attempt is not None
        self.seq += 1
        time = self.clock.now.timestamp() + skew_s
        lines = lines_of([record(self.seq, type_, step, **{"time": time, **fields})], self.offset)
        self.offset = lines[-1].end
        ingest(attempt_id=self.attempt.pk, lines=lines)

    def start(self, start_step: int = 0) -> None:
        self.tell(
            "started", start_step, start_step=start_step, total_steps=100, processes=1,
            device="cuda", dtype="bf16", parameters=1, versions={},
        )  # fmt: skip

    def phase(self, name: str, seconds: float, step: int = 1, stage: str = "grpo") -> None:
        self.tell("phase", step, phase=name, stage=stage)
        self.clock.go(seconds)

    def step(self, step: int) -> None:
        """Ten seconds of sampling, of which a fifth are for rewards, and ten of training."""
        self.phase("sampling", 10, step)
        self.phase("training", 10, step)
        values = {"time/rollout_s": 8.0, "time/reward_s": 2.0, "time/step_s": 20.0}
        self.tell("metrics", step, values=values)

    def save(self, step: int, removed: tuple[str, ...] = ()) -> None:
        self.phase("checkpointing", 4, step)
        path = f"checkpoints/step-{step}"
        self.tell("checkpoint", step, path=path, bytes=1, reason="schedule", removed=removed)

    def sample(self, energy: Energy | None = None, node: int = 0) -> None:
        """As the supervisor of this node measures."""
        assert self.attempt is not None
        measured = services.Measured(self.attempt, self.gpus[node][0].node.name, energy)
        record_samples([(measured, {"system/cpu_percent": 1.0})])

    def end(self, outcome: State = State.FAILED) -> None:
        assert self.attempt is not None
        end_attempt(attempt_id=self.attempt.pk, outcome=outcome, reason="so the test ends")
        self.attempt = None

    def seconds(self, *, number: int | None = None) -> dict[str, float]:
        """Device seconds by phase, without those that have none."""
        rows = Booking.objects.filter(run=self.run)
        if number is not None:
            rows = rows.filter(attempt__number=number)
        found: dict[str, float] = {}
        for row in rows:
            found[row.phase] = found.get(row.phase, 0) + row.device_ms / 1000
        return {phase: seconds for phase, seconds in found.items() if seconds}


@contextmanager
def broken_booking() -> Iterator[None]:
    """Whatever a journal says, booking it fails, when all of it is written."""
    whole = services.book

    def book(told: Any) -> None:
        whole(told)
        raise DataError("no room for so much time\0")

    with mock.patch.object(services, "book", book):
        yield


@contextmanager
def refused_by_the_database(name: str) -> Iterator[None]:
    """That service of the ledger fails in the database, when all of it is written."""
    whole = getattr(services, name)

    def refused(*args: Any, **kwargs: Any) -> None:
        whole(*args, **kwargs)
        meter = Meter.objects.get()
        Meter.objects.create(attempt=meter.attempt, run=meter.run, holds=[], reading={})

    with mock.patch.object(services, name, refused):
        yield


@pytest.fixture
def make_story(make_run: Callable[..., Run], clock: Clock) -> Callable[..., Story]:
    """A run on so many GPUs of each of so many nodes."""

    def make(name: str = "one", *, nodes: int = 1, gpus: int = 2, **fields: Any) -> Story:
        found = []
        for number in range(nodes):
            node, _ = Node.objects.get_or_create(
                name=f"{name}-{number}", queue="q", price_per_device_hour=2
            )
            found.append(
                [
                    Device.objects.get_or_create(
                        node=node, kind="gpu", index=i, model="NVIDIA H800"
                    )[0]
                    for i in range(gpus)
                ]
            )
        return Story(make_run(State.STARTING, name=name, **fields), clock, found)

    return make
