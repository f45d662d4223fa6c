"""Curves of several runs at once, and every point as a file."""

import csv
import io
import math
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from r1web.metrics.services import Sample, append_points
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]
LONG = 700


def measured(run: Run) -> Run:
    """Two attempts, the second one from step 4 on; a NaN and an infinity among the values."""
    now = timezone.now()
    first = Attempt.objects.create(run=run, number=1, started_at=now, ended_at=now)
    second = Attempt.objects.create(run=run, number=2, start_step=4, started_at=now, ended_at=now)
    append_points(Sample(first, step, step + 0.25, {"loss": float(step)}) for step in range(1, 7))
    values = {"loss": math.inf, "reward/mean": math.nan}
    append_points([Sample(second, 5, 5.5, values)])
    append_points(Sample(second, step, 1.0, {"loss": step / 7}) for step in range(6, LONG))
    return run


def body_of(answer: Any) -> bytes:
    """What a server sends; it takes the pieces from a loop."""

    async def received() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    assert answer.status_code == 200
    return async_to_sync(received)()


ROWS = [("loss", step, step + 0.25, float(step), None) for step in (1, 2, 3, 4)]
OLD = [("loss", step, step + 0.25, float(step), 1) for step in (5, 6)]


@pytest.mark.django_db(transaction=True)  # each piece is read in a thread
def test_a_csv_has_every_point_and_says_what_was_superseded(make_run: MakeRun, api: Api) -> None:
    run = measured(make_run())
    answer = api.get(f"/runs/{run.pk}/metrics/export")
    assert answer.headers["Content-Disposition"].endswith(f'"run-{run.pk}-metrics.csv"')
    head, *rows = csv.reader(io.StringIO(body_of(answer).decode()))
    assert head == ["name", "step", "time", "value", "superseded_attempt"]
    found = [(n, int(s), float(t), float(v), int(a) if a else None) for n, s, t, v, a in rows]
    assert found[:5] == [*ROWS, ("loss", 5, 5.5, math.inf, None)]
    assert found[5:-3] == [("loss", step, 1.0, step / 7, None) for step in range(6, LONG)]
    assert found[-3:-1] == OLD
    assert (found[-1][:3], math.isnan(found[-1][3])) == (("reward/mean", 5, 5.5), True)


@pytest.mark.django_db(transaction=True)
def test_parquet_has_the_same_rows(make_run: MakeRun, api: Api) -> None:
    run = measured(make_run())
    asked = {"format": "parquet", "names": "loss", "to_step": 6}
    table = pq.read_table(io.BytesIO(body_of(api.get(f"/runs/{run.pk}/metrics/export", **asked))))
    assert table.column_names == ["name", "step", "time", "value", "superseded_attempt"]
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    new = [("loss", 5, 5.5, math.inf, None), ("loss", 6, 1.0, 6 / 7, None)]
    assert rows == [*ROWS, *new, *OLD]


def test_several_runs_are_answered_in_the_order_asked_for(
    make_run: MakeRun, api: Api, stranger: Any
) -> None:
    first, second = measured(make_run()), measured(make_run())
    asked = {"runs": f"{second.pk},{first.pk},999999", "names": "loss", "max_points": 50}
    found = api.get("/metrics", **asked).json()["runs"]
    assert [one["run"] for one in found] == [second.pk, first.pk]
    alone = api.get(f"/runs/{first.pk}/metrics", names="loss", max_points=50).json()
    assert found[1] == {"run": first.pk, **alone}
    (series,) = alone["series"]
    assert (series["total"], series["shown"] <= 50, sum(series["counts"])) == (699, True, 699)
    assert (series["max"][0], sum(series["not_finite"])) == ("Infinity", 1)
    assert caller(stranger).get("/metrics", **asked).json() == {"runs": []}


@pytest.mark.parametrize("runs", ["", "x", "1,²", ",".join(map(str, range(1, 202)))])
def test_runs_that_are_no_list_of_numbers_are_refused_by_name(api: Api, runs: str) -> None:
    answer = api.get("/metrics", runs=runs)
    assert (answer.status_code, "`runs`" in answer.json()["detail"]) == (422, True)


def test_strangers_export_nothing(make_run: MakeRun, stranger: Any) -> None:
    run = measured(make_run())
    assert caller(stranger).get(f"/runs/{run.pk}/metrics/export").status_code == 404
