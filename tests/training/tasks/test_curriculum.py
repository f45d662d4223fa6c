"""Curricula: what moves them, and that a restored one goes on exactly as it would have."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.tasks.test_file import jsonl, sums
from training.config import (
    ConfigError,
    FileTaskConfig,
    LevelsConfig,
    MixtureConfig,
    PassRatesConfig,
    ReasoningGymConfig,
    resolve,
)
from training.tasks import Measured, Task, TaskError, build_task, is_held_out
from training.tasks.curriculum import Levels, PassRates

rates = st.floats(0, 1)


def gym(**settings: Any) -> Task:
    config = {"name": "chain_sum", "curriculum": {"window": 4}, **settings}
    return build_task(ReasoningGymConfig.model_validate(config))


def measure(task: Task, indices: range, rate: float) -> None:
    """Tell the task that these problems went alike."""
    task.observe([Measured.of(task.training_problem(0, index), rate) for index in indices])


def through_json(state: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(state))
    return found


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 5), rates), max_size=60), st.integers(1, 9))
def test_a_level_follows_the_mean_of_its_windows(
    measured: list[tuple[int, float]], window: int
) -> None:
    levels = Levels(LevelsConfig(window=window), range(6), 2)
    level, counted = 2, list[float]()
    for at, rate in measured:
        levels.observe([(at, rate)])
        counted += [rate] if at == level else []
        if len(counted) == window:
            found = sum(counted) / window
            level = min(5, level + 1) if found >= 0.8 else level
            level = max(0, level - 1) if found <= 0.2 else level
            counted = []
        assert levels.level == level


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 3), rates), max_size=40), st.integers(0, 40))
def test_levels_go_on_from_their_state(measured: list[tuple[int, float]], cut: int) -> None:
    whole = Levels(LevelsConfig(window=3), range(4), 1)
    whole.observe(measured[:cut])
    copy = Levels(LevelsConfig(window=3), range(4), 1)
    copy.restore(through_json(whole.state()))
    for each in (whole, copy):
        each.observe(measured[cut:])
    assert whole.state() == copy.state()
    assert whole.metrics() == copy.metrics()


keyed = st.lists(st.tuples(st.sampled_from("abcd"), rates), max_size=40)


@settings(deadline=None, derandomize=True)
@given(keyed, keyed)
def test_pass_rates_go_on_from_their_state(before: Any, after: Any) -> None:
    whole = PassRates(PassRatesConfig())
    whole.observe(before)
    copy = PassRates(PassRatesConfig())
    copy.observe([("a", 0.5)])  # what is restored replaces what was there
    copy.restore(through_json(whole.state()))
    for each in (whole, copy):
        each.observe(after)
    turns = [(key, turn) for key in "abcd" for turn in range(8)]
    assert [whole.wants(*turn) for turn in turns] == [copy.wants(*turn) for turn in turns]
    assert whole.state() == copy.state()


@settings(deadline=None, derandomize=True)
@given(rates)
def test_what_is_outside_the_window_is_asked_one_time_in_four(rate: float) -> None:
    found = PassRates(PassRatesConfig(at_least=0.25, at_most=0.75))
    assert all(found.wants("a", turn) for turn in range(8))  # never measured
    found.observe([("a", rate)])
    wanted = sum(found.wants("a", turn) for turn in range(8))
    assert wanted == (8 if 0.25 <= rate <= 0.75 else 2)


def test_a_generator_rises_and_falls_with_what_is_solved() -> None:
    task = gym()
    assert task.metrics() == {"task/level": 0.0}
    measure(task, range(4), 1.0)
    harder = task.training_problem(0, 4)
    assert harder.level == 1
    assert task.metrics() == {"task/level": 1.0, "task/pass_rate": 1.0}
    measure(task, range(4, 8), 0.5)
    assert task.training_problem(0, 8).level == 1
    measure(task, range(8, 12), 0.0)
    assert task.training_problem(0, 12).level == 0


def test_problems_sampled_at_an_earlier_level_do_not_count() -> None:
    task = gym()
    old = [Measured.of(task.training_problem(0, index), 1.0) for index in range(6)]
    task.observe(old)
    assert task.metrics()["task/level"] == 1
    task.observe(old)
    assert task.metrics()["task/level"] == 1


def test_the_same_state_gives_the_same_problems_in_another_process() -> None:
    task, other = gym(), gym()
    measure(task, range(6), 0.9)
    other.restore(through_json(task.state()))
    assert [task.training_problem(3, i) for i in range(20)] == [
        other.training_problem(3, i) for i in reversed(range(20))
    ][::-1]
    assert task.held_out_problems(30) == gym().held_out_problems(30)


def test_held_out_problems_are_of_all_levels_whatever_the_level_is() -> None:
    problems = gym(curriculum={"highest": 3}).held_out_problems(60)
    levels = [problem.level for problem in problems]
    assert set(levels) == {0, 1, 2, 3}
    assert all(is_held_out(problem.question) for problem in problems)


def test_a_level_may_stand_still_and_options_count_above_it() -> None:
    task = gym(curriculum=None, level=2, options={"min_terms": 2, "max_terms": 2})
    problem = task.training_problem(0, 0)
    measure(task, range(50), 1.0)
    assert (problem.level, task.state(), task.metrics()) == (2, {}, {})
    assert problem.entry["metadata"]["difficulty"]["num_terms"] == (2, 2)
    assert task.training_problem(0, 0) == problem


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"name": "acre"}, r"task\.level: acre has no levels with these options"),
        ({"level": 99}, r"task\.level: chain_sum has levels 0 to \d+, not 99"),
        ({"level": 3, "curriculum": {"highest": 2}}, r"task\.curriculum\.highest: 2 is below"),
        ({"options": {"max_terms": 1}}, r"task\.level: chain_sum has no levels with these"),
    ],
)
def test_levels_that_there_are_not_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(TaskError, match=told):
        gym(**settings)


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ({"curriculum": {"raise_above": 0.2, "lower_below": 0.3}}, "task.curriculum"),
        (
            {"type": "file", "path": "a", "curriculum": {"at_least": 0.5, "at_most": 0.3}},
            "task.curriculum",
        ),
        ({"curriculum": {"window": 0}}, "task.curriculum.window"),
    ],
)
def test_an_impossible_curriculum_is_refused_at_its_field(task: Any, path: str) -> None:
    with pytest.raises(ConfigError) as error:
        resolve(None, {"task": task})
    assert [problem.path for problem in error.value.problems] == [path]


def file_task(path: Path) -> Task:
    window = PassRatesConfig(at_least=0.2, at_most=0.8)
    return build_task(FileTaskConfig(path=str(path), curriculum=window))


def test_a_file_is_first_asked_whole_then_where_there_is_something_to_learn(
    tmp_path: Path,
) -> None:
    rows = sums(400)
    task = file_task(jsonl(tmp_path / "a.jsonl", rows))
    size = sum(not is_held_out(row["question"]) for row in rows)
    epoch = [task.training_problem(0, index) for index in range(size)]
    assert len({problem.question for problem in epoch}) == size
    worth = {problem.id for problem in epoch if int(problem.answer.split()[0]) % 2}
    task.observe([Measured.of(p, 0.5 if p.id in worth else 1.0) for p in epoch])
    later = [task.training_problem(0, size + index) for index in range(size)]
    share = sum(problem.id in worth for problem in later) / size
    assert share > 0.65  # without a curriculum half, in the long run four fifths
    assert len({problem.id for problem in later} - worth) > 0
    other = file_task(tmp_path / "a.jsonl")
    other.restore(through_json(task.state()))
    assert [other.training_problem(0, size + index) for index in range(size)] == later
    assert task.metrics()["task/in_window"] == pytest.approx(len(worth) / size)


def test_nothing_worth_asking_leaves_the_order_of_the_epoch(tmp_path: Path) -> None:
    task = file_task(jsonl(tmp_path / "a.jsonl", sums(30)))
    size = sum(not is_held_out(row["question"]) for row in sums(30))
    for _ in range(3):
        measure(task, range(size), 1.0)
    assert {task.training_problem(0, 9 * size + index).id for index in range(size)}


def test_a_mixture_moves_its_parts_and_tells_of_each() -> None:
    parts = [
        {"name": "sums", "task": {"type": "reasoning_gym", "curriculum": {"window": 2}}},
        {"name": "gcd", "task": {"type": "reasoning_gym", "name": "gcd"}},
    ]
    config = {"parts": parts, "curriculum": {"at_least": 0.2, "at_most": 0.8}}
    task, other = (build_task(MixtureConfig.model_validate(config)) for _ in range(2))
    problems = [task.training_problem(0, index) for index in range(40)]
    task.observe([Measured.of(p, 0.9 if p.task == "sums" else 0.5) for p in problems])
    told = task.metrics()
    assert told["task/pass_rate/sums"] == pytest.approx(0.9)
    assert told["task/pass_rate/gcd"] == pytest.approx(0.5)
    assert told["task/level/sums"] == 1
    later = [task.training_problem(0, index) for index in range(1000, 1200)]
    assert sum(problem.task == "gcd" for problem in later) > 150  # sums are solved too often
    assert any(problem.task == "sums" for problem in later)
    other.restore(through_json(task.state()))
    assert [other.training_problem(0, index) for index in range(1000, 1200)] == later
    assert other.metrics() == told
