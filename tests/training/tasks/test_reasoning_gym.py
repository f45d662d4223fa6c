import pytest

from training.config import ReasoningGymConfig
from training.tasks import Task, TaskError, build_task, is_held_out

NAMES = (
    "chain_sum",
    "basic_arithmetic",
    "products",
    "gcd",
    "lcm",
    "decimal_chain_sum",
    "count_bits",
)
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


@pytest.mark.parametrize("name", NAMES)
def test_every_task_gives_problems_that_its_verifier_takes(name: str) -> None:
    task = build_task(ReasoningGymConfig(name=name))
    problems = [*task.held_out_problems(5), *(task.training_problem(0, i) for i in range(5))]
    for problem in problems:
        assert task.is_right(problem.answer, problem)
        assert not task.is_right("no number", problem)
        assert not task.is_right("", problem)


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
