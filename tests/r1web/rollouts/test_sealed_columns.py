"""Columns of sealed segments are kept for the next request, and are never another's."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from r1web.rollouts.columns import NO_TASK
from r1web.rollouts.models import Column, Segment
from r1web.rollouts.packing import Numbers, pack_scores, unpack_numbers, unpack_scores
from r1web.rollouts.selectors import sealed
from r1web.rollouts.selectors.sealed import Cache, Joined, Sealed, read_sealed
from r1web.rollouts.selectors.table import read_table
from r1web.rollouts.services import append_groups, seal_full
from r1web.runs.models import Attempt, Run
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "cache", Cache(10_000_000))


@pytest.fixture
def attempt(make_run: MakeRun) -> Attempt:
    return Attempt.objects.create(run=make_run(), number=1, started_at=timezone.now())


def write(attempt: Attempt, first: int, last: int) -> None:
    events = [rollouts(step, 0, [float(step), 0.0]) for step in range(first, last + 1)]
    append_groups([(attempt, event) for event in events])


def rewards(attempt: Attempt) -> list[float]:
    return read_table(run_id=attempt.run_id, names=["reward"])["reward"].tolist()[::2]


def test_what_was_sealed_since_is_added(
    attempt: Attempt, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    write(attempt, 1, 20)
    assert rewards(attempt) == list(range(1, 21))
    assert len(list(seal_full())) == 1
    assert rewards(attempt) == list(range(1, 21))
    write(attempt, 21, 100)
    assert len(list(seal_full())) == 1
    assert rewards(attempt) == list(range(1, 101))
    with django_assert_num_queries(3):  # attempts, segments, fresh groups
        assert rewards(attempt) == list(range(1, 101))


def test_another_segment_of_the_same_key_is_another(attempt: Attempt) -> None:
    """As a restored backup may bring it."""
    write(attempt, 1, 20)
    list(seal_full())
    assert rewards(attempt)[:3] == [1, 2, 3]
    for column in Column.objects.filter(name="reward"):
        column.data = Column.objects.get(segment=column.segment, name="advantage").data
        column.save()
    Segment.objects.exclude(sealed_at=None).update(sealed_at=timezone.now())
    assert rewards(attempt)[:3] == [0.5, 1.5, 2.5]


def test_a_column_of_some_segments_has_no_value_in_the_others(attempt: Attempt) -> None:
    write(attempt, 1, 100)
    list(seal_full())
    first = Segment.objects.get(number=0)
    Column.objects.filter(segment=first, name__in=["task", "difficulty"]).delete()
    table = read_table(run_id=attempt.run_id, names=["task", "difficulty"])
    assert set(table["task"].tolist()) == {NO_TASK}
    assert np.isnan(table["difficulty"]).all()
    Column.objects.filter(segment=first, name="rewards.accuracy").delete()
    accuracy = read_table(run_id=attempt.run_id, names=["rewards.accuracy"])["rewards.accuracy"]
    assert np.isnan(accuracy[: first.completions]).all()
    assert accuracy[first.completions :: 2].tolist() == list(range(17, 101))


def test_nobody_can_change_what_is_kept(attempt: Attempt) -> None:
    write(attempt, 1, 16)
    write(attempt, 17, 17)
    list(seal_full())
    segments = [
        Sealed(*each)
        for each in Segment.objects.exclude(sealed_at=None).values_list(
            "pk", "sealed_at", "completions"
        )
    ]
    kept = read_sealed(attempt.run_id, ["reward"], segments)["reward"]
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 9


def test_no_more_is_kept_than_fits() -> None:
    cache = Cache(100)
    for name in ("a", "b", "c"):
        cache.put(1, name, Joined((), np.zeros(10, np.float32), present=True))
    assert [cache.get(1, name, []) is not None for name in ("a", "b", "c")] == [False, True, True]
    assert cache.get(1, "b", []) is not None  # used last, so c is the next to go
    cache.put(2, "d", Joined((), np.zeros(10, np.float32), present=True))
    assert [cache.get(1, name, []) is not None for name in ("b", "c")] == [True, False]


numbers = st.floats(width=32, allow_nan=False)
group = st.tuples(
    st.sampled_from([("reward",), ("reward", "length"), ("reward", "rewards.a", "length")]),
    st.integers(0, 3),
    st.booleans(),
)


def flat(parts: Iterable[dict[str, Numbers]]) -> list[tuple[float, float]]:
    """Reward and length of each completion, -1 where there is no length."""
    return [
        pair
        for part in parts
        for pair in zip(
            part["reward"].tolist(),
            part.get("length", np.full(len(part["reward"]), -1.0)).tolist(),
            strict=True,
        )
    ]


@given(st.lists(group), st.data())
def test_many_groups_unpack_as_one_by_one(
    groups: list[tuple[tuple[str, ...], int, bool]], data: st.DataObject
) -> None:
    packed = [
        pack_scores(
            {name: data.draw(st.lists(numbers, min_size=n, max_size=n)) for name in names},
            {"b": ["late"] * n} if failed else {},
        )
        for names, n, failed in groups
    ]
    together, alone = unpack_numbers(packed), [unpack_scores(each)[0] for each in packed]
    assert flat(together) == flat(alone)
