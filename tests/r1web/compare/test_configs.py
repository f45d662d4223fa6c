"""Configs side by side, held against going through them run by run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1web.compare.configs import compared
from r1web.compare.numbers import run_numbers
from r1web.errors import InvalidError

values = st.sampled_from([None, True, False, 0, 1, 0.5, 1.0, "", "1", "true", [], [0, 1]])
configs = st.dictionaries(st.sampled_from("abcdef"), values, max_size=6)


def test_tables_become_dotted_paths() -> None:
    tree = {
        "seed": 0,
        "grpo": {"loss": {"type": "grpo", "clip": None}},
        "sets": [{"name": "a"}, {"name": "b", "k": 4}],
        "stop": [],
        "options": {},
        "labels": ["x", "y"],
    }
    expected = {
        "seed": 0,
        "grpo.loss.type": "grpo",
        "grpo.loss.clip": None,
        "sets.0.name": "a",
        "sets.1.name": "b",
        "sets.1.k": 4,
        "stop": [],
        "options": {},
        "labels": ["x", "y"],
    }
    assert compared([tree]) == {"common": expected, "differing": []}


def test_a_table_in_some_and_a_value_in_others_are_fields_of_their_own() -> None:
    found = compared([{"a": None}, {"a": {"b": 1}}, {}])
    assert found["common"] == {}
    assert found["differing"] == [
        {"path": "a.b", "values": [1], "of": [-1, 0, -1]},
        {"path": "a", "values": [None], "of": [0, -1, -1]},
    ]


def same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


@given(st.lists(configs, min_size=1, max_size=5))
def test_what_is_told_is_enough_to_have_each_config_again(runs: list[dict[str, Any]]) -> None:
    found = compared(runs)
    for place, run in enumerate(runs):
        again = dict(found["common"])
        for field in found["differing"]:
            if field["of"][place] >= 0:
                again[field["path"]] = field["values"][field["of"][place]]
        assert again.keys() == run.keys()
        assert all(same(again[path], value) for path, value in run.items())


@given(st.lists(configs, min_size=1, max_size=5))
def test_only_what_differs_is_told_run_by_run(runs: list[dict[str, Any]]) -> None:
    for field in compared(runs)["differing"]:
        of, listed = field["of"], field["values"]
        assert len(set(of)) > 1
        assert set(of) - {-1} == set(range(len(listed)))
        assert not any(same(a, b) for at, a in enumerate(listed) for b in listed[:at])


def test_true_is_not_1_and_one_run_differs_in_nothing() -> None:
    assert compared([{"a": True}, {"a": 1}])["differing"] == [
        {"path": "a", "values": [True, 1], "of": [0, 1]}
    ]
    assert compared([{"a": 1}, {"a": 1.0}]) == {"common": {"a": 1}, "differing": []}
    assert compared([{"a": [1]}]) == {"common": {"a": [1]}, "differing": []}
    assert compared([]) == {"common": {}, "differing": []}


def test_runs_are_numbers_and_ranges() -> None:
    assert run_numbers(" 12,20-22, 21,7 ", most=5) == [12, 20, 21, 22, 7]
    assert run_numbers("3-3", most=1) == [3]


@pytest.mark.parametrize("text", ["", ",", "x", "1,²", "5-", "-5", "1-6", "1-3,5-7", "9" * 19])
def test_what_is_no_list_of_runs_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        run_numbers(text, most=5)
    assert [problem.path for problem in refused.value.errors] == ["runs"]


def test_a_range_that_runs_backwards_names_none() -> None:
    with pytest.raises(InvalidError):
        run_numbers("9-5", most=100)
