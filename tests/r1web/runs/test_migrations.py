"""What migrations carry over from an earlier release."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from r1web.runs.models import LastValue, Run, SearchText
from r1web.runs.selectors.searching import search_text
from r1web.runs.services.listing import keep_last_values

AT = datetime(2026, 1, 1, tzinfo=UTC)
To = Callable[[str], Apps]


@pytest.fixture
def migrate_runs(transactional_db: None) -> Iterator[To]:
    """Brings the app `runs` to a migration; afterwards all is up to date again."""

    def to(name: str) -> Apps:
        executor = MigrationExecutor(connection)
        return executor.migrate([("runs", name)]).apps

    yield to
    migrate_all()


def migrate_all() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_the_node_that_is_kept_for_a_run_stays_kept(migrate_runs: To) -> None:
    before = migrate_runs("0004_pause_and_undo")
    node = before.get_model("cluster", "Node").objects.create(name="gpus", queue="node.gpus")
    owner = before.get_model("accounts", "User").objects.create(username="olga")
    project = before.get_model("accounts", "Project").objects.create(slug="sums", name="Sums")
    runs = before.get_model("runs", "Run").objects
    for name, kept in (("first", node), ("second", None)):
        runs.create(
            name=name, owner=owner, project=project, config={}, total_steps=1, reserved_node=kept
        )
    after = migrate_runs("0005_keep_several_nodes").get_model("runs", "Run").objects
    assert {run.name: run.reserved_nodes for run in after.all()} == {
        "first": [node.pk],
        "second": [],
    }
    back = migrate_runs("0004_pause_and_undo").get_model("runs", "Run").objects
    assert {run.name: run.reserved_node_id for run in back.all()} == {
        "first": node.pk,
        "second": None,
    }


def test_lists_find_the_runs_that_were_there(migrate_runs: To) -> None:
    before = migrate_runs("0006_one_index_less")
    owner = before.get_model("accounts", "User").objects.create(username="olga")
    project = before.get_model("accounts", "Project").objects.create(slug="sums", name="Sums")
    runs, summary = before.get_model("runs", "Run").objects, {"reward/mean": 1.5, "kl/mean": None}
    common = {"owner": owner, "project": project, "config": {}, "total_steps": 9, "last_step": 7}
    ended = runs.create(
        name="Ended", preset="nano", tags=["Night"], state="failed", summary=summary, **common
    )
    running = runs.create(name="Running", state="running", summary=summary, **common)
    node = before.get_model("cluster", "Node").objects.create(
        name="gpus", queue="node.gpus", price_per_device_hour=2
    )
    attempt = before.get_model("runs", "Attempt").objects.create(
        run=ended, number=1, node=node, claimed_at=AT, ended_at=AT + timedelta(hours=3)
    )
    device = before.get_model("cluster", "Device").objects.create(node=node, index=0, kind="gpu")
    before.get_model("cluster", "Lease").objects.create(device=device, attempt=attempt)

    migrate_runs("0008_fill_listing")
    kept = dict(LastValue.objects.filter(run_id=ended.pk).values_list("name__name", "value"))
    assert kept == {
        "reward/mean": 1.5,
        "last_step": 7,
        "duration_s": 3 * 3600,
        "device_hours": 3,
        "cost_usd": 6,
    }
    assert not LastValue.objects.filter(run_id=running.pk).exists()
    by_migration = dict(SearchText.objects.values_list("run", "text"))
    # The very same as is written from now on, when all apps are up to date.
    migrate_all()
    keep_last_values([ended.pk])
    again = dict(LastValue.objects.filter(run_id=ended.pk).values_list("name__name", "value"))
    assert again == kept
    assert by_migration == {run.pk: search_text(run) for run in Run.objects.all()}
    migrate_runs("0006_one_index_less")
