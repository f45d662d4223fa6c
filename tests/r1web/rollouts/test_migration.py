"""Completions that are rows, as earlier releases had them, on the way there and back."""

import math
from collections.abc import Callable, Iterator

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from r1web.rollouts.models import Completion, Group
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Run
from tests.r1web.rollouts.told import LATE, rollouts

MakeRun = Callable[..., Run]
To = Callable[[str], Apps]


@pytest.fixture
def migrate_rollouts(transactional_db: None) -> Iterator[To]:
    def to(name: str) -> Apps:
        return MigrationExecutor(connection).migrate([("rollouts", name)]).apps

    yield to
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def everything() -> list[tuple[str, list[Completion]]]:
    return [(group.prompt, group.completions) for group in Group.objects.order_by("pk")]


def test_every_completion_is_kept(migrate_rollouts: To, make_run: MakeRun) -> None:
    attempt = Attempt.objects.create(run=make_run(), number=1)
    told = [rollouts(step, 0, [0.0, 1.0, math.nan]) for step in range(1, 21)]
    append_groups([(attempt, event) for event in told])
    before = everything()
    rows = migrate_rollouts("0004_fewer_indexes").get_model("rollouts", "Completion").objects
    assert rows.count() == 60
    odd = rows.get(group__step=3, index=2)
    assert (odd.reward, odd.rewards, odd.reward_errors) == (
        None,
        {"format": 1.0},
        {"accuracy": LATE},
    )
    migrate_rollouts("0009_what_is_known_of_each")
    assert everything() == before
