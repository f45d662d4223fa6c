"""A person's own task: the example of docs/tasks.md, and what is told of a wrong file."""

import re
from pathlib import Path

import pytest

from training.config import PythonTaskConfig
from training.tasks import Task, TaskError, build_task, is_held_out

DOCS = Path(__file__).resolve().parents[3] / "docs" / "tasks.md"


def python_task(folder: Path, text: str, **options: int) -> Task:
    path = folder / "letters.py"
    path.write_text(text, encoding="utf-8")
    return build_task(PythonTaskConfig(path=str(path), options=dict(options)))


def example() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def test_the_example_of_the_docs_is_a_task(tmp_path: Path) -> None:
    task = python_task(tmp_path, example(), longest=8)
    problems = [task.training_problem(0, index) for index in range(50)]
    assert problems == [task.training_problem(0, index) for index in range(50)]
    assert len({problem.question for problem in problems}) > 40
    assert not any(is_held_out(problem.question) for problem in problems)
    assert all(is_held_out(problem.question) for problem in task.held_out_problems(20))
    for problem in problems:
        word = problem.entry["word"]
        assert len(word) <= 8
        assert task.is_right(problem.answer, problem) is (word != word[::-1])
        assert not task.is_right(word, problem)
        assert not task.is_right("", problem)


def test_without_a_verifier_the_text_decides(tmp_path: Path) -> None:
    made = 'def problem(rng, options):\n    n = rng.random()\n    return {"question": f"{n}?", '
    task = python_task(tmp_path, made + '"answer": str(n)}\n')
    problem = task.training_problem(0, 0)
    assert task.is_right(f"{problem.answer}\n", problem)
    assert not task.is_right(f"{problem.answer}0", problem)
    assert problem.task == "letters"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def problem(rng, options)\n    pass\n", r"letters\.py, line 1: SyntaxError: expected"),
        ("\nimport nothing_of_the_kind\n", r"letters\.py, line 2: ModuleNotFoundError: No module"),
        ("x = 1\n", r"letters\.py has to define a function problem\(rng, options\)"),
        ("problem = 3\n", r"letters\.py has to define a function"),
        ("def problem(rng, options):\n    return 1 / 0\n", r"letters\.py, line 2: ZeroDivisionErr"),
        ("def problem(rng, options):\n    return 'a?'\n", r"has to give a mapping .* not 'a\?'"),
        ("def problem(rng, options):\n    return {'question': 'a?'}\n", "has to give a mapping"),
        ("def problem(rng):\n    pass\n", r"letters\.py: TypeError: problem\(\) takes 1"),
    ],
)
def test_a_wrong_file_is_told_as_its_own(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.path: .*" + told):
        python_task(tmp_path, text).training_problem(0, 0)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(TaskError, match=r"task\.path: /no/where\.py is not there"):
        build_task(PythonTaskConfig(path="/no/where.py"))


def test_too_few_questions_are_told(tmp_path: Path) -> None:
    text = "def problem(rng, options):\n    return {'question': 'Same?', 'answer': 'yes'}\n"
    with pytest.raises(TaskError, match=r"evaluation\.problems: 5 held-out problems are asked"):
        python_task(tmp_path, text).held_out_problems(5)
