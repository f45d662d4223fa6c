"""What is read in one request takes as many queries for many rows as for a few."""

import math
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from r1web.metrics.api import MetricsOut
from r1web.metrics.services import Sample, append_points
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Checkpoint, Run, State
from r1web.runs.services import NewEvent, append_events
from tests.r1web.conftest import Api
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]


def fill(run: Run, attempt: Attempt, step: int, value: float = 0.5) -> None:
    """A point, an event and a group of completions, of two series each time."""
    append_events(run=run, attempt=attempt, items=[NewEvent("log", {"message": "m"})])
    for name in (f"new/{step}", "reward/mean"):
        append_points([Sample(attempt, step, 1.0, {name: value})])
    append_groups([(attempt, rollouts(1, step, [0.5]))])


@pytest.mark.parametrize(
    "path",
    ["/runs", "/runs/{}", "/runs/{}/events", "/runs/{}/metrics", "/runs/{}/rollouts"],
)
def test_more_rows_take_no_more_queries(
    api: Api, make_run: MakeRun, make_checkpoint: MakeCheckpoint, path: str
) -> None:
    run = make_run(State.RUNNING)
    now = timezone.now()

    def grow(number: int) -> None:
        attempt = Attempt.objects.create(run=run, number=number, started_at=now, ended_at=now)
        fill(run, attempt, step=number)
        make_checkpoint(run, step=number, attempt=attempt)
        forked = make_run(parent=run, parent_step=1)
        Attempt.objects.create(run=forked, number=1, started_at=now)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert api.get(path.format(run.pk)).status_code == 200
        return len(seen)

    grow(1)
    grow(2)
    queries()  # notes the use of the token, once a minute
    few = queries()
    for number in range(3, 9):
        grow(number)
    assert queries() == few


def test_curves_are_answered_as_documented(api: Api, make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    fill(run, attempt, step=1, value=math.nan)
    answer = api.get(f"/runs/{run.pk}/metrics")
    assert answer.headers["Content-Type"].startswith("application/json")
    curves = MetricsOut.model_validate_json(answer.content, strict=True)
    assert [(series.name, series.values) for series in curves.series] == [
        ("new/1", ["NaN"]),
        ("reward/mean", ["NaN"]),
    ]
