"""How long a page of the table of runs takes over many runs, by every kind of order and filter.

    DATABASE_URL=sqlite:////tmp/runs.sqlite3 python -m benchmarks.runs_table

fills the database named, which must be empty, with 100,000 runs of the size that real ones have
(config, summary of 60 metrics, an attempt with a lease each; 50 are under way), then asks through
the API within this process and prints the median of each. `--runs` makes it smaller; with `--asked`
it asks a database that is filled already.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "r1web.settings.test")
django.setup()

# ruff: noqa: E402 - models can be imported once Django is set up
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from r1web.accounts.models import Membership, Project, User
from r1web.runs.models import ACTIVE, Attempt, Run, SearchText
from r1web.runs.selectors.searching import search_text
from r1web.runs.services.listing import keep_last_values
from training.config import resolve

METRICS = [f"part/metric_{place:02}" for place in range(57)]
SHOWN = ["reward/mean", "eval/pass_at_1", "perf/tokens_per_s"]
PRESETS = ["r1-zero-nano", "r1-nano", "sft-nano", "smollm2-gsm8k"]
STATES = ["finished", "failed", "stopped"]
UNDER_WAY = 50
BATCH = 2_000
REPEATS = 15
START = datetime(2026, 1, 1, tzinfo=UTC)

PAGES: dict[str, dict[str, Any]] = {
    "newest": {},
    "by name": {"sort": "name"},
    "by state": {"sort": "state"},
    "by preset": {"sort": "preset"},
    "by owner": {"sort": "-owner"},
    "by step": {"sort": "-last_step"},
    "by reward": {"sort": "-reward"},
    "by a metric": {"sort": "part/metric_20"},
    "by cost": {"sort": "-cost_usd"},
    "by reward, with ten more columns": {"sort": "-reward", "columns": METRICS[:10]},
    "by a metric that few have": {"sort": "-rare"},
    "failed ones by reward": {"sort": "-reward", "state": "failed"},
    "a preset by cost": {"sort": "-cost_usd", "preset": "r1-nano"},
    "text that few have, newest": {"q": "quokka"},
    "text that few have, by reward": {"q": "quokka", "sort": "-reward"},
    "text that none has, by reward": {"q": "hippopotamus", "sort": "-reward"},
    "a tag, by pass@1": {"tag": "sweep-7", "sort": "-pass_at_1"},
    "reward over 0.99, newest": {"where": "reward>0.99"},
    "two conditions, by a metric": {
        "where": ["reward>0.5", "part/metric_03<0.1"], "sort": "-part/metric_20",
    },
    "failed, a condition, by cost": {"state": "failed", "where": "reward<0.2", "sort": "cost_usd"},
    "without the metric, newest": {"where": "reward=null"},
}  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--runs", type=int, default=100_000)
    asked.add_argument("--asked", action="store_true", help="the database is filled already")
    options = asked.parse_args()
    if not options.asked:
        fill(options.runs)
    for title, times, count in measure():
        middle, most = statistics.median(times), max(times)
        print(f"{title:36} {middle:7.1f} ms  {most:7.1f} at most  {count} rows")


def fill(runs: int) -> None:
    call_command("migrate", verbosity=0)
    owners = [User.objects.create_user(f"person{place}") for place in range(20)]
    project = Project.objects.create(slug="bench", name="Bench")
    Membership.objects.create(user=owners[0], project=project, role="owner")
    began = time.perf_counter()
    for first in range(0, runs, BATCH):
        _fill_batch(project, owners, range(first, min(runs, first + BATCH)), runs)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    print(f"filled with {runs} runs in {time.perf_counter() - began:.0f} s")


def _fill_batch(project: Project, owners: list[User], numbers: range, runs: int) -> None:
    with transaction.atomic():
        made = Run.objects.bulk_create(
            _run(project, owners, number, under_way=number >= runs - UNDER_WAY)
            for number in numbers
        )
        Attempt.objects.bulk_create(
            Attempt(
                run=run,
                number=1,
                claimed_at=run.started_at,
                started_at=run.started_at,
                ended_at=run.ended_at,
            )
            for run in made
        )
        keep_last_values([run.pk for run in made if run.state not in ACTIVE])
        SearchText.objects.bulk_create(SearchText(run=run, text=search_text(run)) for run in made)


def _run(project: Project, owners: Sequence[User], number: int, *, under_way: bool) -> Run:
    pick = random.Random(number)  # noqa: S311 - the same each time
    preset = pick.choice(PRESETS)
    start = START + timedelta(minutes=3 * number)
    summary: dict[str, Any] = {name: pick.random() for name in [*SHOWN, *METRICS]}
    if number % 997 == 0:
        summary["rare"] = pick.random()
    if number % 50 == 0:
        del summary["reward/mean"]
    summary["sparkline"] = [pick.random() for _ in range(60)]
    return Run(
        project=project,
        owner=pick.choice(owners),
        name=f"{preset}-{pick.randrange(10**6)}" + ("-quokka" if number % 20_000 == 7 else ""),
        preset=preset,
        tags=[f"sweep-{pick.randrange(200)}"] if number % 3 == 0 else [],
        config=_config(),
        digest=f"{number:064}",
        state="running" if under_way else pick.choice(STATES),
        reason="Reached the last step.",
        total_steps=300,
        last_step=pick.randrange(1, 301),
        summary=summary,
        created_at=start,
        queued_at=start,
        started_at=start,
        ended_at=None if under_way else start + timedelta(seconds=pick.randrange(60, 90_000)),
    )


@cache
def _config() -> dict[str, Any]:

    return resolve("r1-zero-nano", {}).as_json()


def measure() -> Iterator[tuple[str, list[float], int]]:

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.order_by("pk")[0])
    for title, query in PAGES.items():
        times, count = [], 0
        for _ in range(REPEATS):
            began = time.perf_counter()
            answer = client.get("/api/v1/runs", query)
            times.append((time.perf_counter() - began) * 1e3)
            count = len(json.loads(answer.content)["items"])
        yield title, times, count


if __name__ == "__main__":
    main()
