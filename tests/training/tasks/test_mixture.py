"""Mixtures: shares, order, what is held out, and who verifies."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.tasks.test_file import jsonl, sums
from training.config import ConfigError, MixtureConfig, resolve
from training.tasks import Task, TaskError, build_task, is_held_out
from training.tasks.mixture import BLOCK, quotas


def mixture(*parts: dict[str, Any]) -> Task:
    return build_task(MixtureConfig.model_validate({"parts": list(parts)}))


def gym(name: str, **options: int) -> dict[str, Any]:
    return {"type": "reasoning_gym", "name": name, "options": options}


def test_each_block_has_every_parts_exact_share() -> None:
    task = mixture({"weight": 3, "task": gym("chain_sum")}, {"weight": 1, "task": gym("gcd")})
    for start in (0, BLOCK, 7 * BLOCK):
        parts = Counter(task.training_problem(2, start + i).task for i in range(BLOCK))
        assert parts == {"chain_sum": 750, "gcd": 250}


def test_the_same_seed_and_index_give_the_same_problem() -> None:
    parts = {"task": gym("chain_sum")}, {"weight": 2, "task": gym("gcd")}
    one, two = mixture(*parts), mixture(*parts)
    assert [one.training_problem(1, i) for i in range(60)] == [
        two.training_problem(1, i) for i in reversed(range(60))
    ][::-1]
    assert [one.training_problem(1, i) for i in range(9)] != [
        one.training_problem(2, i) for i in range(9)
    ]


def test_a_file_among_the_parts_is_read_epoch_by_epoch(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", sums(120))
    task = mixture({"task": {"type": "file", "path": str(path)}}, {"weight": 2, "task": gym("gcd")})
    asked = [task.training_problem(0, index) for index in range(2 * BLOCK)]
    from_file = Counter(problem.question for problem in asked if problem.task == "a")
    size = sum(not is_held_out(row["question"]) for row in sums(120))
    assert len(from_file) == size
    assert set(from_file.values()) <= {667 // size, 667 // size + 1}


def test_what_one_part_holds_out_no_part_trains_on(tmp_path: Path) -> None:
    both, test = jsonl(tmp_path / "both.jsonl", sums(90)), jsonl(tmp_path / "t.jsonl", sums(30))
    own = jsonl(tmp_path / "own.jsonl", sums(60, first=30))
    task = mixture(
        {"task": {"type": "file", "path": str(own), "held_out_path": str(test)}},
        {"task": {"type": "file", "path": str(both)}},
    )
    kept = {row["question"] for row in sums(30)}
    trained = {task.training_problem(0, index).question for index in range(BLOCK)}
    assert not trained & kept
    assert trained == {q for q in (row["question"] for row in sums(90)) if not task.is_held_out(q)}


def test_held_out_problems_are_shared_out_and_all_different() -> None:
    task = mixture(
        {"name": "short", "task": gym("chain_sum", min_digits=1, max_digits=1)},
        {"name": "twin", "task": gym("chain_sum", min_digits=1, max_digits=1)},
        {"weight": 2, "task": gym("gcd")},
    )
    problems = task.held_out_problems(80)
    assert len({problem.question for problem in problems}) == 80
    assert all(is_held_out(problem.question) for problem in problems)
    assert 30 <= Counter(problem.task for problem in problems)["gcd"] <= 50
    assert task.held_out_problems(20) == problems[:20]


def test_every_part_verifies_its_own() -> None:
    task = mixture({"task": gym("chain_sum")}, {"task": gym("spell_backward")})
    for index in range(20):
        problem = task.training_problem(0, index)
        assert task.is_right(problem.answer, problem)
        assert not task.is_right("7", problem)


def test_a_part_is_named_in_what_is_told_of_it() -> None:
    with pytest.raises(TaskError, match=r"^task\.parts\.1\.task\.options: gcd takes only"):
        mixture({"task": gym("chain_sum")}, {"task": gym("gcd", colour=1)})


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ([{"weight": 0, "task": gym("gcd")}], "task.parts"),
        ([{"weight": 1e-9, "task": gym("gcd")}, {"task": gym("lcm")}], "task.parts.0.weight"),
        ([{"task": gym("gcd")}, {"task": gym("gcd")}], "task.parts.1.name"),
        ([{"task": {"name": "gcd"}}], "task.parts.0.task.type"),
        ([{"task": {"type": "file"}}], "task.parts.0.task.path"),
        ([{"task": {"type": "mixture", "parts": []}}], "task.parts.0.task.type"),
    ],
)
def test_an_unfit_mixture_is_refused_at_its_field(parts: list[Any], path: str) -> None:
    with pytest.raises(ConfigError) as error:
        resolve(None, {"task": {"type": "mixture", "parts": parts}})
    assert [problem.path for problem in error.value.problems] == [path]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), st.integers(1, 2000))
def test_shares_add_up_and_are_near_their_weights(weights: list[float], places: int) -> None:
    shares = quotas(weights, places)
    assert sum(shares) == places
    exact = [places * weight / sum(weights) for weight in weights]
    assert all(abs(share - wanted) < 1 for share, wanted in zip(shares, exact, strict=True))
