"""What migrations carry over from an earlier release."""

from collections.abc import Callable, Iterator

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

To = Callable[[str], Apps]


@pytest.fixture
def migrate_runs(transactional_db: None) -> Iterator[To]:
    """Brings the app `runs` to a migration; afterwards all is up to date again."""

    def to(name: str) -> Apps:
        executor = MigrationExecutor(connection)
        return executor.migrate([("runs", name)]).apps

    yield to
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
