"""Curves as columns: exact while they are short, true extremes when they are long."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from r1web.metrics.models import Point
from r1web.metrics.selectors import Columns, bucket_width, read_metrics
from r1web.metrics.services import Sample, append_points
from r1web.runs.models import Attempt, Checkpoint, Run, State
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]
Values = list[tuple[int, float]]

NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))


def attempt_of(run: Run, number: int = 1, **fields: Any) -> Attempt:
    return Attempt.objects.create(
        run=run, number=number, started_at=timezone.now(), **{"ended_at": timezone.now(), **fields}
    )


def write(attempt: Attempt, name: str, points: Values) -> None:
    samples = [Sample(attempt, step, 1000.0 + step, {name: value}) for step, value in points]
    append_points(samples)


def read(run: Run, max_points: int = 1000, **asked: Any) -> dict[str, Columns]:
    metrics = read_metrics(run_id=run.pk, max_points=max_points, **asked)
    return {series.name: series.columns for series in metrics.series}


def same(found: float | None, wanted: float) -> bool:
    # PostgreSQL has NaN for the mean of both infinities, SQLite null: both are shown as "NaN".
    if found is None or math.isnan(found) or math.isnan(wanted):
        return (found is None or math.isnan(found)) and math.isnan(wanted)
    return found == wanted or math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-6)


def bucketed(points: Values, width: int) -> list[tuple[int, float, float, float]]:
    """The twin in plain Python: last step, mean, least and greatest value of each bucket."""
    buckets: dict[int, Values] = {}
    for step, value in points:
        buckets.setdefault(step // width, []).append((step, value))
    rows = []
    for _, inside in sorted(buckets.items()):
        known = [value for _, value in inside if not math.isnan(value)] or [math.nan]
        both = math.inf in known and -math.inf in known
        mean = math.nan if both else math.fsum(known) / len(known)
        rows.append((max(step for step, _ in inside), mean, min(known), max(known)))
    return rows


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(NUMBERS, min_size=1, max_size=80),
    most=st.integers(2, 40),
    gap=st.integers(1, 5),
)
def test_buckets_hold_the_true_extremes_and_lose_no_point(
    make_run: MakeRun, values: list[float], most: int, gap: int
) -> None:
    run = make_run()
    points = [(1 + gap * place, value) for place, value in enumerate(values)]
    write(attempt_of(run), "reward/mean", points)
    columns = read(run, most)["reward/mean"]
    assert len(columns.steps) <= most
    assert columns.total == len(values)
    width = 1
    if len(values) > most:
        width = bucket_width(1, points[-1][0], most)
    wanted = bucketed(points, width)
    assert columns.steps == [row[0] for row in wanted]
    for index, (_, mean, least, greatest) in enumerate(wanted):
        assert same(columns.values[index], mean)
        assert same(columns.low[index], least)
        assert same(columns.high[index], greatest)


def test_a_growing_run_keeps_the_buckets_it_had(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    write(attempt, "loss", [(step, float(step)) for step in range(1, 201)])
    before = read(run, 100)["loss"]
    write(attempt, "loss", [(201, 201.0)])
    after = read(run, 100)["loss"]
    assert after.steps[: len(before.steps) - 1] == before.steps[:-1]
    assert after.values[: len(before.steps) - 1] == before.values[:-1]


def test_a_short_series_stays_exact_beside_a_long_one(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    write(attempt, "reward/mean", [(step, step / 7) for step in range(1, 101)])
    write(attempt, "eval/pass_at_1", [(step, step / 9) for step in range(0, 101, 20)])
    columns = read(run, 10)
    assert columns["eval/pass_at_1"].values == [step / 9 for step in range(0, 101, 20)]
    assert len(columns["reward/mean"].steps) <= 10


def test_names_may_be_prefixes_and_steps_bounded(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    for name in ("reward/mean", "reward/std", "kl/mean", "rewarding"):
        write(attempt, name, [(step, 1.0) for step in range(1, 11)])
    assert list(read(run, names=["reward/*"])) == ["reward/mean", "reward/std"]
    assert list(read(run, names=["kl/mean", "reward/std"])) == ["kl/mean", "reward/std"]
    assert read(run, names=["nothing"]) == {}
    assert read(run, names=["kl/mean"], from_step=3, to_step=5)["kl/mean"].steps == [3, 4, 5]


def resumed(run: Run, start_step: int) -> tuple[Attempt, Attempt]:
    """A first attempt with 8 steps, and a second one that went on after `start_step` to 6."""
    first, second = attempt_of(run), attempt_of(run, 2, start_step=start_step)
    write(first, "reward/mean", [(step, 1.0) for step in range(9)])
    write(second, "reward/mean", [(step, 2.0) for step in range(start_step + 1, 7)])
    return first, second


def test_points_that_a_later_attempt_replaced_are_set_apart(make_run: MakeRun) -> None:
    run = make_run()
    resumed(run, 4)
    (series,) = read_metrics(run_id=run.pk, max_points=100).series
    assert series.columns.values == [1.0] * 5 + [2.0] * 2
    ((number, old),) = series.superseded
    assert (number, old.steps, old.values) == (1, [5, 6, 7, 8], [1.0] * 4)


def test_an_attempt_from_the_beginning_replaces_everything(make_run: MakeRun) -> None:
    run = make_run()
    resumed(run, 0)
    (series,) = read_metrics(run_id=run.pk, max_points=100).series
    assert series.columns.steps == [1, 2, 3, 4, 5, 6]
    assert series.superseded[0][1].steps == list(range(9))


def test_an_attempt_that_never_came_up_replaces_nothing(make_run: MakeRun) -> None:
    run = make_run()
    _, second = resumed(run, 4)
    Point.objects.filter(attempt=second).delete()
    Attempt.objects.filter(pk=second.pk).update(started_at=None)
    (series,) = read_metrics(run_id=run.pk, max_points=100).series
    assert (series.columns.steps, series.superseded) == (list(range(9)), [])


def test_of_three_attempts_the_last_word_counts(make_run: MakeRun) -> None:
    run = make_run()
    for number, start, end in ((1, 0, 10), (2, 6, 9), (3, 3, 5)):
        attempt = attempt_of(run, number, start_step=start)
        write(attempt, "a", [(step, float(number)) for step in range(start + 1, end + 1)])
    (series,) = read_metrics(run_id=run.pk, max_points=100).series
    assert list(zip(series.columns.steps, series.columns.values, strict=True)) == [
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (4, 3.0),
        (5, 3.0),
    ]
    assert [(number, old.steps) for number, old in series.superseded] == [
        (1, [4, 5, 6, 7, 8, 9, 10]),
        (2, [7, 8, 9]),
    ]


def test_the_answer_is_columns_as_documented(make_run: MakeRun, api: Api) -> None:
    run = make_run()
    write(attempt_of(run), "reward/mean", [(1, 0.5), (2, math.nan), (3, math.inf), (4, -math.inf)])
    answer = api.get(f"/runs/{run.pk}/metrics", names="reward/mean").json()
    odd = [0.5, "NaN", "Infinity", "-Infinity"]
    assert answer == {
        "last_seq": run.last_seq,
        "series": [
            {
                "name": "reward/mean",
                "steps": [1, 2, 3, 4],
                "times": [1001.0, 1002.0, 1003.0, 1004.0],
                "values": odd,
                "min": odd,
                "max": odd,
                "shown": 4,
                "total": 4,
                "superseded": [],
            }
        ],
    }


def test_a_run_without_points_answers_with_no_series(make_run: MakeRun, api: Api) -> None:
    run = make_run()
    assert api.get(f"/runs/{run.pk}/metrics").json() == {"last_seq": 1, "series": []}


@pytest.mark.parametrize(
    "query", [{"max_points": 1}, {"max_points": 10_001}, {"from_step": -1}, {"to_step": "x"}]
)
def test_wrong_queries_name_the_field(make_run: MakeRun, api: Api, query: dict[str, Any]) -> None:
    answer = api.get(f"/runs/{make_run().pk}/metrics", **query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == next(iter(query))


def test_strangers_and_nobody_see_no_curves(make_run: MakeRun, stranger: Any) -> None:
    run = make_run()
    assert caller(stranger).get(f"/runs/{run.pk}/metrics").status_code == 404
    assert Client().get(f"/api/v1/runs/{run.pk}/metrics").status_code == 401


def test_reading_takes_the_same_few_queries_however_much_there_is(
    make_run: MakeRun, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run(State.RUNNING)
    Checkpoint.objects.create(run=run, step=4, path="x", bytes=1, reason="schedule")
    resumed(run, 4)
    for name in "abcdefgh":
        write(run.attempts.get(number=2), name, [(step, 1.0) for step in range(5, 40)])
    # run, attempts, names; then extents, short series and long ones, for what counts and what not
    with django_assert_num_queries(3 + 3 + 2):
        read_metrics(run_id=run.pk, max_points=10)
