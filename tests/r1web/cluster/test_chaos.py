"""Chaos, and afterwards every run and every number is as it should be.

`make chaos SECONDS=600 SEED=7` rages longer.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from celery import Celery

from r1web.accounts.models import User
from r1web.cluster.models import Lease
from r1web.runs.models import ENDED, Attempt, Event, Run
from r1web.runs.selectors import run_directory
from tests.r1web.cluster.chaos import Chaos
from tests.r1web.cluster.conftest import end_processes
from tests.r1web.servers import OwnRedis
from tests.r1web.waiting import until

SECONDS = int(os.environ.get("CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("CHAOS_SEED", "20250120"))

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(SECONDS + 600),
]
JOURNAL_TYPES = {"started", "rollouts", "metrics", "checkpoint", "finished"}


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    server = OwnRedis()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(own_redis: OwnRedis) -> str:
    return own_redis.url


@pytest.fixture
def chaos(
    own_redis: OwnRedis, broker: Celery, home: Path, owner: User, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Chaos]:
    """Worker and beat on a broker of their own."""
    monkeypatch.setenv("FAKE_TRAINER", "slow")
    monkeypatch.setenv("R1WEB_CPU_SLOTS", "3")
    chaos = Chaos(seed=SEED, home=home, broker=own_redis, owner=owner)
    yield chaos
    chaos.close()
    end_processes()


def test_nothing_is_lost_doubled_or_left_behind(
    chaos: Chaos, own_redis: OwnRedis, home: Path
) -> None:
    chaos.rage(SECONDS)
    sys.stdout.write(f"seed {SEED}: {dict(Counter(chaos.done))}\n")
    until(Event.objects.filter(type="metrics").exists)
    chaos.end()
    until(lambda: not Run.objects.exclude(state__in=ENDED).exists())
    until(lambda: not ours(home))
    assert Run.objects.exists()
    for run in Run.objects.all():
        assert in_the_database(run) == in_the_journal(run)
        assert list(run.events.values_list("seq", flat=True)) == list(range(1, run.last_seq + 1))
        last = run.transitions.latest("id")
        assert (run.state, run.reason) == (last.to_state, last.reason)
    assert not Attempt.objects.filter(ended_at=None).exists()
    assert not Lease.objects.filter(released_at=None).exists()
    queues = redis.Redis.from_url(own_redis.url)
    until(lambda: not sum(queues.llen(f"{home.name}:celery:{name}") for name in QUEUES))


QUEUES = ("control", "node.laptop")


def ours(home: Path) -> list[psutil.Process]:
    """Supervisors and trainers that still live."""
    return [process for process in psutil.process_iter() if _is_ours(process, home)]


def _is_ours(process: psutil.Process, home: Path) -> bool:
    try:
        words = process.cmdline()
        return str(home) in " ".join(words) and "--run-dir" in words
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def in_the_journal(run: Run) -> list[tuple[str, int, float]]:
    """Type, step and time of every whole line, each number once."""
    path = run_directory(run) / "events.jsonl"
    found = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        found.setdefault(record["seq"], record)
    return [(record["type"], record["step"], round(record["time"], 3)) for record in found.values()]


def in_the_database(run: Run) -> list[tuple[str, int, float]]:
    events = Event.objects.filter(run=run, type__in=JOURNAL_TYPES).order_by("seq")
    return [(event.type, event.step, round(event.at.timestamp(), 3)) for event in events]
