"""Runs side by side by REST: their values, held against plain ones, and who may see them."""

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from r1web.accounts.models import User
from r1web.cluster.models import Device, Lease, Node
from r1web.compare.schemas import ComparisonOut, StatisticsListOut
from r1web.metrics.services import Sample, append_points
from r1web.runs.models import Attempt, Run, State
from tests.r1web.api.test_problems import fields
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]


def attempt_of(run: Run, number: int = 1, **changes: Any) -> Attempt:
    now = timezone.now()
    return Attempt.objects.create(run=run, number=number, started_at=now, ended_at=now, **changes)


def tell(attempt: Attempt, name: str, points: Sequence[tuple[int, float]]) -> None:
    append_points([Sample(attempt, step, float(step), {name: value}) for step, value in points])


def ids(*runs: Run) -> str:
    return ",".join(str(run.pk) for run in runs)


def test_what_differs_between_configs_and_what_is_newest(api: Api, make_run: MakeRun) -> None:
    first = make_run(summary={"reward/mean": 0.5, "kl/mean": None, "sparkline": [0.5]})
    second = make_run(overrides={"grpo": {"kl_coef": 0.5}}, tags=["sweep"], last_step=7)
    answer = api.get("/comparison", runs=ids(second, first) + ",999999", names="reward/mean,x")
    found = ComparisonOut.model_validate_json(answer.content)
    assert [(run.id, run.tags, run.step) for run in found.runs] == [
        (second.pk, ["sweep"], 7),
        (first.pk, [], 0),
    ]
    assert [(field.path, field.values, field.of) for field in found.config.differing] == [
        ("grpo.kl_coef", [0.5, 0.001], [0, 1])
    ]
    assert found.config.common["grpo.group_size"] == first.config["grpo"]["group_size"]
    assert {series.name: series.runs for series in found.series} == {"reward/mean": 1, "kl/mean": 1}
    assert found.last == {"reward/mean": [None, 0.5], "x": [None, None]}


def test_devices_held_are_told_for_the_axes_of_hours_and_cost(api: Api, make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    node = Node.objects.create(name="n", queue="node.n", price_per_device_hour="3")
    begun = timezone.now() - timedelta(hours=2)
    attempt = Attempt.objects.create(
        run=run, number=1, node=node, claimed_at=begun, ended_at=begun + timedelta(hours=1)
    )
    device = Device.objects.create(node=node, kind="gpu", index=0, memory_bytes=1)
    Lease.objects.create(device=device, attempt=attempt)
    (told,) = api.get("/comparison", runs=run.pk).json()["runs"]
    since = begun.timestamp()
    assert told["holds"] == [
        {"since": since, "until": since + 3600, "devices": 1, "usd_per_hour": 3}
    ]
    assert (told["duration_s"], told["device_hours"], told["cost_usd"]) == (3600, 1, 3)


def test_strangers_are_told_of_nothing(make_run: MakeRun, stranger: User) -> None:
    run = make_run(summary={"reward/mean": 1.0})
    api = caller(stranger)
    assert api.get("/comparison", runs=run.pk).json()["runs"] == []
    found = api.get("/comparison/statistics", runs=run.pk, names="reward/mean").json()
    assert found["runs"] == []
    assert found["series"][0]["last"] == []


@pytest.mark.parametrize("path", ["/comparison", "/comparison/statistics"])
def test_what_is_no_list_is_refused_at_its_field(api: Api, path: str) -> None:
    assert fields(api.get(path, runs="1-9000", names="a")) == ["runs"]
    assert fields(api.get(path, runs="one", names="a")) == ["runs"]
    many = ",".join(map(str, range(60)))
    assert fields(api.get(path, runs="1", names=many)) == ["names"]


def test_more_runs_take_no_more_queries(api: Api, make_run: MakeRun) -> None:
    def queries(path: str, *runs: Run) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert api.get(path, runs=ids(*runs), names="a").status_code == 200
        return len(seen)

    runs = [make_run() for _ in range(6)]
    for run in runs:
        tell(attempt_of(run), "a", [(step, 1.0) for step in range(1, 301)])
    for path in ("/comparison", "/comparison/statistics"):
        queries(path, runs[0])  # notes the use of the token, once a minute
        assert queries(path, *runs) == queries(path, *runs[:2])


LENGTHS = (1, 9, 40, 700, 5000)
NEWEST = 10


def measured(length: int, *, every: int = 1) -> list[tuple[int, float]]:
    """Uneven values, one of them NaN where there are more than 20."""
    points = [(step, math.sin(step * step) + step / 900) for step in range(1, length + 1, every)]
    return [(step, math.nan if step == 15 else value) for step, value in points]


def plain(points: Sequence[tuple[int, float]]) -> dict[str, float]:
    values = [value for _, value in points]
    finite = [value for value in values if math.isfinite(value)]
    newest = [value for value in values[-NEWEST:] if math.isfinite(value)]
    return {
        "last": values[-1],
        "min": min(finite),
        "max": max(finite),
        "mean": sum(newest) / len(newest),
        "of": len(newest),
    }


def test_statistics_are_those_of_every_point(api: Api, make_run: MakeRun) -> None:
    runs, expected = [], []
    for length in LENGTHS:
        run = make_run()
        attempt = attempt_of(run)
        tell(attempt, "dense", measured(length))
        tell(attempt, "sparse", measured(length, every=7))
        runs.append(run)
        expected.append((plain(measured(length)), plain(measured(length, every=7))))
    asked = {"runs": ids(*runs), "names": "dense,sparse,none", "newest": NEWEST}
    answer = api.get("/comparison/statistics", **asked)
    found = StatisticsListOut.model_validate_json(answer.content, strict=True)
    assert found.runs == [run.pk for run in runs]
    for place, (dense, sparse) in enumerate(expected):
        for series, wanted in zip(found.series, (dense, sparse), strict=False):
            told = {key: getattr(series, key)[place] for key in wanted}
            assert told == pytest.approx(wanted, rel=1e-12), (LENGTHS[place], series.name)
    assert found.series[2].last == [None] * len(runs)
    assert found.series[2].of == [0] * len(runs)


def test_what_a_later_attempt_replaced_counts_no_more(api: Api, make_run: MakeRun) -> None:
    run = make_run()
    tell(attempt_of(run), "a", [(step, 100.0) for step in range(1, 400)])
    again = attempt_of(run, 2, start_step=50)
    tell(again, "a", [(step, float(step)) for step in range(51, 301)])
    found = api.get("/comparison/statistics", runs=run.pk, names="a", newest=3).json()
    (series,) = found["series"]
    assert (series["last"], series["mean"], series["max"]) == ([300], [299], [300])
    assert series["min"] == [51.0]


def test_values_that_are_no_numbers_are_told_by_their_names(api: Api, make_run: MakeRun) -> None:
    run = make_run()
    tell(attempt_of(run), "a", [(1, math.nan), (2, math.nan)])
    (series,) = api.get("/comparison/statistics", runs=run.pk, names="a").json()["series"]
    assert (series["last"], series["min"], series["mean"]) == (["NaN"], [None], [None])
