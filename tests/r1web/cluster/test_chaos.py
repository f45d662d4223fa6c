"""Chaos, and afterwards every run and every number is as it should be.

`make chaos SECONDS=600 SEED=7` rages longer.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery

from r1web.accounts.models import User
from r1web.accounts.services import create_token
from r1web.cluster.models import Lease
from r1web.errors import ConflictError
from r1web.rollouts.models import Group
from r1web.runs.models import ENDED, Attempt, Event, Run, State
from r1web.runs.selectors import run_directory
from r1web.runs.services import request_stop
from tests.r1web.cluster.chaos import Chaos
from tests.r1web.cluster.conftest import end_processes
from tests.r1web.cluster.test_database_away import ON_POSTGRESQL
from tests.r1web.points import points_of
from tests.r1web.servers import OwnPostgres, OwnRedis, why_no_postgres
from tests.r1web.waiting import until

SECONDS = int(os.environ.get("CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("CHAOS_SEED", "20250120"))
PATIENCE_S = 300.0

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(SECONDS + 1200),
    pytest.mark.skipif(ON_POSTGRESQL and bool(why_no_postgres()), reason=why_no_postgres()),
]
JOURNAL_TYPES = {"started", "rollouts", "metrics", "checkpoint", "finished"}

Story = list[tuple[str, int, datetime]]
"""Type, step and time of each event."""


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> OwnPostgres | None:
    """On PostgreSQL a server that may be killed; every process uses it."""
    return request.getfixturevalue("own_postgres") if ON_POSTGRESQL else None


@pytest.fixture
def redis_url(own_redis: OwnRedis) -> str:
    return own_redis.url


@pytest.fixture
def chaos(
    postgres: OwnPostgres | None,
    own_redis: OwnRedis,
    broker: Celery,
    home: Path,
    *,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Chaos]:
    """Web, worker and beat, with a broker of their own."""
    monkeypatch.setenv("FAKE_TRAINER", "slow")
    monkeypatch.setenv("R1WEB_CPU_SLOTS", "3")
    token = create_token(user=owner, name="chaos").secret
    chaos = Chaos(seed=SEED, home=home, broker=own_redis, postgres=postgres, token=token)
    yield chaos
    chaos.close()
    end_processes()


def test_nothing_is_lost_doubled_or_left_behind(chaos: Chaos, home: Path, owner: User) -> None:
    chaos.begin()
    chaos.rage(SECONDS)
    revived = sum(service.revived for service in chaos.services)
    sys.stdout.write(f"seed {SEED}: {dict(Counter(chaos.done))}; revived: {revived}\n")
    assert chaos.faults == []
    for run in unended():
        with suppress(ConflictError):  # it has ended meanwhile
            request_stop(run=run, actor=owner)
    until(lambda: not unended(), PATIENCE_S)
    assert_a_new_run_finishes(chaos)
    until(lambda: not chaos.waiting_messages(), PATIENCE_S)
    chaos.close()
    until(lambda: not ours(home), PATIENCE_S)
    for run in Run.objects.all():
        assert_it_is_true(run)
    assert not Attempt.objects.filter(ended_at=None).exists()
    assert not Lease.objects.filter(released_at=None).exists()


def unended() -> list[Run]:
    return list(Run.objects.exclude(state__in=ENDED))


def assert_a_new_run_finishes(chaos: Chaos) -> None:
    """Nothing of what was broken stands in the way of the next."""
    made = chaos.create()
    until(lambda: Run.objects.get(pk=made["id"]).state in ENDED, PATIENCE_S)
    assert Run.objects.get(pk=made["id"]).state == State.FINISHED


def ours(home: Path) -> list[psutil.Process]:
    """Supervisors and trainers that still live; the dashboard's own are not among them."""
    return [process for process in psutil.process_iter() if _is_ours(process, home)]


def _is_ours(process: psutil.Process, home: Path) -> bool:
    try:
        words = process.cmdline()
        training = "supervise" in words or "--run-dir" in words
        return training and process.environ().get("R1WEB_HOME") == str(home)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def assert_it_is_true(run: Run) -> None:
    """State, history, numbers and texts say what the journal says, once and in order."""
    journal = records_of(run)
    assert [record["seq"] for record in journal] == list(range(1, len(journal) + 1))
    assert in_the_database(run) == told(journal)
    assert list(run.events.values_list("seq", flat=True)) == list(range(1, run.last_seq + 1))
    kinds = Counter(record["type"] for record in journal)
    assert len(points_of(run, "reward/mean")) == kinds["metrics"]
    assert Group.objects.filter(run=run).count() == kinds["rollouts"]
    last = run.transitions.latest("id")
    assert (run.state, run.reason) == (last.to_state, last.reason)
    said = journal[-1].get("outcome") if journal else None
    assert (run.state == State.FINISHED) == (said == "finished")


def records_of(run: Run) -> list[dict[str, Any]]:
    """Every whole line of the journal."""
    path = run_directory(run) / "events.jsonl"
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # torn by a kill
    return found


def told(records: list[dict[str, Any]]) -> Story:
    return [
        (record["type"], record["step"], datetime.fromtimestamp(record["time"], tz=UTC))
        for record in records
    ]


def in_the_database(run: Run) -> Story:
    events = Event.objects.filter(run=run, type__in=JOURNAL_TYPES).order_by("seq")
    return [(event.type, event.step, event.at) for event in events]
