"""Points of earlier releases become lines, and lines and pages points again."""

import math
from collections.abc import Callable, Iterator

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from r1web.metrics.services import Sample, append_points
from r1web.runs.models import Attempt, Run
from tests.r1web.points import points_of

MakeRun = Callable[..., Run]
To = Callable[[str], Apps]
Rows = list[tuple[int, str]]


@pytest.fixture
def migrate_metrics(transactional_db: None) -> Iterator[To]:
    def to(name: str) -> Apps:
        return MigrationExecutor(connection).migrate([("metrics", name)]).apps

    yield to
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_every_point_is_kept_on_the_way_there_and_back(
    migrate_metrics: To, make_run: MakeRun
) -> None:
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1)
    append_points(
        [Sample(attempt, step, float(step), {"a": step / 7, "b": math.inf}) for step in range(250)]
        + [Sample(attempt, 250, 250.0, {"a": math.nan})]
    )
    before = {name: points_of(run, name) for name in "ab"}
    points = migrate_metrics("0002_points_without_constraints").get_model("metrics", "Point")
    assert points.objects.count() == 251 + 250
    assert points.objects.filter(value=None).count() == 1
    again = points.objects.filter(series__name="a", step=3).get()
    again.pk = None
    again.save()
    migrate_metrics("0005_no_points")
    assert points_of(run, "b") == before["b"]
    found = points_of(run, "a")
    assert [step for step, _ in found] == sorted([*range(251), 3])
    assert [value for _, value in found[5:-1]] == [value for _, value in before["a"][4:-1]]
    assert math.isnan(found[-1][1])
