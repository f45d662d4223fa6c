"""Curves as columns: exact while they are short, true extremes when they are long."""

import math
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from r1web.metrics.items import bucket_width
from r1web.metrics.models import OUTLINE, Chunk, Line, Page
from r1web.metrics.selectors import Columns, attempts_to_pack, read_metrics, read_runs, told_by
from r1web.metrics.services import Sample, append, append_points, pack_ended, packing
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


def same(found: float, wanted: float) -> bool:
    if math.isnan(found) or math.isnan(wanted):
        return math.isnan(found) and math.isnan(wanted)
    return found == wanted or math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-6)


class Bucket(NamedTuple):
    step: int
    mean: float
    low: float
    high: float
    last: float
    count: int
    odd: int


def bucketed(points: Values, width: int) -> list[Bucket]:
    """The twin in plain Python."""
    buckets: dict[int, Values] = {}
    for step, value in points:
        buckets.setdefault(step // width, []).append((step, value))
    return [bucket_of(inside) for _, inside in sorted(buckets.items())]


def bucket_of(inside: Values) -> Bucket:
    values = [value for _, value in inside]
    known = [value for value in values if not math.isnan(value)] or [math.nan]
    finite = [value for value in values if math.isfinite(value)]
    return Bucket(
        step=max(step for step, _ in inside),
        mean=math.fsum(finite) / len(finite) if finite else math.nan,
        low=min(known),
        high=max(known),
        last=values[-1],
        count=len(values),
        odd=len(values) - len(finite),
    )


def rows_of(columns: Columns) -> list[Bucket]:
    return [
        Bucket(*row)
        for row in zip(
            columns.steps.tolist(),
            columns.values.tolist(),
            columns.low.tolist(),
            columns.high.tolist(),
            columns.last.tolist(),
            columns.counts.tolist(),
            columns.odd.tolist(),
            strict=True,
        )
    ]


def alike(columns: Columns, wanted: list[Bucket]) -> bool:
    found = rows_of(columns)
    return len(found) == len(wanted) and all(
        same(*pair)
        for ours, theirs in zip(found, wanted, strict=True)
        for pair in zip(ours, theirs, strict=True)
    )


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of four lines, two below each: three levels from few points."""
    monkeypatch.setattr(packing, "PAGE_LINES", 4)
    monkeypatch.setattr(append, "PAGE_LINES", 4)
    monkeypatch.setattr(packing, "FAN", 2)
    monkeypatch.setattr(packing, "OUTLINE_BUCKETS", 4)


def points_in(points: Values) -> list[Bucket]:
    return [Bucket(step, *[value] * 4, 1, not math.isfinite(value)) for step, value in points]


def fits(columns: Columns, points: Values, most: int) -> bool:
    """Whether these are the points, or buckets of a width that need not be twice as wide."""
    if len(points) <= most:
        return alike(columns, points_in(points))
    width = bucket_width(points[0][0], points[-1][0], most)
    return any(alike(columns, bucketed(points, of)) for of in (width, 2 * width))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(NUMBERS, min_size=1, max_size=80),
    most=st.integers(2, 40),
    gap=st.integers(1, 5),
    data=st.data(),
)
@pytest.mark.usefixtures("small_pages")
def test_any_zoom_tells_the_true_buckets_however_the_points_came(
    make_run: MakeRun, values: list[float], most: int, gap: int, data: st.DataObject
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    points = [(1 + gap * place, value) for place, value in enumerate(values)]
    cuts = data.draw(st.sets(st.integers(1, len(points)), max_size=5))
    for begin, end in pairwise(sorted({0, *cuts, len(points)})):
        write(attempt, "reward/mean", points[begin:end])
    assert fits(read(run)["reward/mean"], points, 1000)
    assert fits(read(run, most)["reward/mean"], points, most)
    first = data.draw(st.integers(0, points[-1][0]))
    last = data.draw(st.integers(first, points[-1][0] + 9))
    inside = [(step, value) for step, value in points if first <= step <= last]
    columns = read(run, most, from_step=first, to_step=last)["reward/mean"]
    assert (len(columns.steps) <= most, columns.total) == (True, len(inside))
    assert fits(columns, inside, most)


def test_pages_of_pages_are_what_a_long_series_is_read_from(
    make_run: MakeRun, small_pages: None
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    write(attempt, "loss", [(step, 1.0) for step in range(1, 513)])
    assert set(Page.objects.values_list("level", flat=True)) >= {0, 1, 2, 3, 4}
    Page.objects.filter(level=OUTLINE).delete()
    with CaptureQueriesContext(connection) as seen:
        columns = read(run, 8)["loss"]
    assert (columns.total, len(columns.steps) <= 8) == (512, True)
    read_rows = Chunk.objects.filter(page__parent=None).count()
    assert read_rows <= 3
    assert len(seen) <= 9


def test_the_outline_of_an_ended_attempt_is_all_that_an_overview_reads(
    make_run: MakeRun, small_pages: None
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    points = [(step, math.sin(step)) for step in range(1, 91)]
    for begin in range(0, 90, 15):
        write(attempt, "loss", points[begin : begin + 15])
    pack_ended(attempt=attempt)
    outline = Page.objects.get(level=OUTLINE)
    assert (outline.lines, outline.first_step, outline.last_step) == (90, 1, 90)
    width = bucket_width(1, 90, 4)
    Page.objects.exclude(pk=outline.pk).delete()
    assert alike(read(run, 4)["loss"], bucketed(points, width))


def test_a_series_that_is_told_now_and_then_has_its_own_points_only(
    make_run: MakeRun, small_pages: None
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    for step in range(1, 61):
        rare = {"rare": float(step)} if step % 7 == 0 else {}
        append_points([Sample(attempt, step, 1000.0 + step, {"often": 0.5, **rare})])
    columns = read(run, 9)
    assert columns["rare"].steps.tolist() == [7, 14, 21, 28, 35, 42, 49, 56]
    assert columns["rare"].values.tolist() == [7.0, 14.0, 21.0, 28.0, 35.0, 42.0, 49.0, 56.0]
    assert columns["rare"].times.tolist() == [1000.0 + step for step in range(7, 57, 7)]
    assert columns["often"].total == 60


def test_names_too_long_for_a_column_stay_apart(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    append_points([Sample(attempt, 1, 1.0, {"n" * 130 + end: float(end) for end in "12"})])
    columns = read(run)
    assert sorted(column.values.tolist() for column in columns.values()) == [[1.0], [2.0]]
    assert all(len(name) <= 120 for name in columns)


def test_lines_of_an_ended_attempt_are_packed_and_stay_what_they_were(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    write(attempt, "loss", [(step, step / 3) for step in range(1, 11)])
    before = rows_of(read(run)["loss"])
    assert [one.pk for one in attempts_to_pack(timezone.now() + timedelta(1))] == [attempt.pk]
    pack_ended(attempt=attempt)
    assert list(attempts_to_pack(timezone.now() + timedelta(1))) == []
    assert (Line.objects.count(), rows_of(read(run)["loss"])) == (0, before)


def test_what_events_told_is_found_in_lines_and_in_pages(
    make_run: MakeRun, small_pages: None
) -> None:
    run = make_run()
    attempt = attempt_of(run)
    values = {seq: {"a": seq / 7, "b": math.inf} if seq % 3 else {"a": 1.0} for seq in range(5, 25)}
    for seq, told in values.items():
        append_points([Sample(attempt, seq, 1.0 + seq, told, seq)])
    found = told_by(run.pk, set(range(1, 40)))
    assert found == {seq: (1.0 + seq, told) for seq, told in values.items()}


def test_several_runs_are_read_in_as_many_queries_as_one(make_run: MakeRun) -> None:
    runs = [make_run() for _ in range(3)]
    for number, run in enumerate(runs):
        write(attempt_of(run), "loss", [(step, float(number)) for step in range(1, 300)])

    def queries(wanted: list[Run]) -> int:
        with CaptureQueriesContext(connection) as seen:
            found = read_runs(run_ids=[run.pk for run in wanted], max_points=10)
        assert all(found[run.pk].series[0].columns.total == 299 for run in wanted)
        return len(seen)

    assert queries(runs) == queries(runs[:1])
    found = read_runs(run_ids=[run.pk for run in runs], max_points=10)
    for number, run in enumerate(runs):
        assert set(found[run.pk].series[0].columns.values.tolist()) == {float(number)}


def test_a_growing_run_keeps_the_buckets_it_had(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    write(attempt, "loss", [(step, float(step)) for step in range(1, 201)])
    before = read(run, 100)["loss"]
    write(attempt, "loss", [(201, 201.0)])
    after = read(run, 100)["loss"]
    assert rows_of(after)[: len(before.steps) - 1] == rows_of(before)[:-1]


def test_a_short_series_stays_exact_beside_a_long_one(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    write(attempt, "reward/mean", [(step, step / 7) for step in range(1, 101)])
    write(attempt, "eval/pass_at_1", [(step, step / 9) for step in range(0, 101, 20)])
    columns = read(run, 10)
    assert columns["eval/pass_at_1"].values.tolist() == [step / 9 for step in range(0, 101, 20)]
    assert len(columns["reward/mean"].steps) <= 10


def test_names_may_be_prefixes_and_steps_bounded(make_run: MakeRun) -> None:
    run = make_run()
    attempt = attempt_of(run)
    for name in ("reward/mean", "reward/std", "kl/mean", "rewarding"):
        write(attempt, name, [(step, 1.0) for step in range(1, 11)])
    assert list(read(run, names=["reward/*"])) == ["reward/mean", "reward/std"]
    assert list(read(run, names=["kl/mean", "reward/std"])) == ["kl/mean", "reward/std"]
    assert read(run, names=["nothing"]) == {}
    assert read(run, names=["kl/mean"], from_step=3, to_step=5)["kl/mean"].steps.tolist() == [
        3,
        4,
        5,
    ]


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
    assert series.columns.values.tolist() == [1.0] * 5 + [2.0] * 2
    ((number, old),) = series.superseded
    assert (number, old.steps.tolist(), old.values.tolist()) == (1, [5, 6, 7, 8], [1.0] * 4)


def test_an_attempt_from_the_beginning_replaces_everything(make_run: MakeRun) -> None:
    run = make_run()
    resumed(run, 0)
    (series,) = read_metrics(run_id=run.pk, max_points=100).series
    assert series.columns.steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert series.superseded[0][1].steps.tolist() == list(range(9))


def test_an_attempt_that_never_came_up_replaces_nothing(make_run: MakeRun) -> None:
    run = make_run()
    _, second = resumed(run, 4)
    Line.objects.filter(attempt=second).delete()
    Attempt.objects.filter(pk=second.pk).update(started_at=None)
    (series,) = read_metrics(run_id=run.pk, max_points=100).series
    assert (series.columns.steps.tolist(), series.superseded) == (list(range(9)), [])


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
    assert [(number, old.steps.tolist()) for number, old in series.superseded] == [
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
                "min": None,
                "max": None,
                "last": None,
                "counts": None,
                "not_finite": None,
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
    # run, attempts, names, pages, lines, layouts, and what is in the pages
    with django_assert_num_queries(7):
        read_metrics(run_id=run.pk, max_points=10)
