"""Tasks from files: what is read, what is held out, and what is told of a wrong file."""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from training.config import FileTaskConfig
from training.tasks import Problem, Task, TaskError, build_task, is_held_out
from training.tasks.permutation import shuffled
from training.tasks.rows import open_rows

ROOT = Path(__file__).resolve().parents[3]
GSM8K = ROOT.parent / "shared" / "data" / "gsm8k"

Row = dict[str, Any]


def sums(count: int, first: int = 0) -> list[Row]:
    """A sample of our own making, in GSM8K's form."""
    return [
        {"question": f"Ann has {n} pens and buys {n % 7}. How many?", "answer": f"{n} + {n % 7} = "
         f"<<{n}+{n % 7}={n + n % 7}>>{n + n % 7} pens.\n#### {n + n % 7:,}"}
        for n in range(first, first + count)
    ]  # fmt: skip


def jsonl(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def packed(path: Path, rows: list[Row]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def columns(path: Path, rows: list[Row]) -> Path:
    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=37)
    return path


def file_task(path: Path, **settings: Any) -> Task:
    return build_task(FileTaskConfig(path=str(path), **settings))


def questions(problems: Iterable[Problem]) -> list[str]:
    return [problem.question for problem in problems]


WRITERS = {"a.jsonl": jsonl, "a.jsonl.gz": packed, "a.parquet": columns}


@pytest.mark.parametrize(("name", "write"), WRITERS.items())
def test_every_format_gives_the_same_problems(
    name: str, write: Callable[[Path, list[Row]], Path], tmp_path: Path
) -> None:
    task = file_task(write(tmp_path / name, sums(200)), verifier="gsm8k")
    answers = {row["question"]: row["answer"].split()[-1].replace(",", "") for row in sums(200)}
    problems = [task.training_problem(0, index) for index in range(300)]
    assert all(answers[problem.question] == problem.answer for problem in problems)
    other = file_task(jsonl(tmp_path / "b.jsonl", sums(200)), verifier="gsm8k")
    assert questions(problems) == questions(other.training_problem(0, i) for i in range(300))
    assert questions(task.held_out_problems(8)) == questions(other.held_out_problems(8))


@pytest.mark.parametrize("path", [GSM8K / "train.jsonl", None])
def test_gsm8k_is_asked_and_verified(path: Path | None, tmp_path: Path) -> None:
    """The real file where it is at hand, and always a sample of our own making."""
    if path is None or not path.is_file():
        path = jsonl(tmp_path / "train.jsonl", sums(500))
    task = file_task(path, verifier="gsm8k")
    for index in range(50):
        problem = task.training_problem(1, index)
        assert task.is_right(problem.answer, problem)
        assert task.is_right(f"It is ${problem.answer}.", problem)
        assert not task.is_right(f"{problem.answer} or 12345", problem)
        assert not task.is_right("", problem)
        assert not task.is_right(f"{problem.answer}1", problem)
    held_out = {problem.question for problem in task.held_out_problems(20)}
    assert all(map(is_held_out, held_out))


def test_an_epoch_asks_every_training_problem_once_and_no_held_out_one(tmp_path: Path) -> None:
    rows = sums(300)
    task = file_task(jsonl(tmp_path / "a.jsonl", rows))
    everything = {row["question"] for row in rows}
    trained = {question for question in everything if not is_held_out(question)}
    epochs = [
        [task.training_problem(5, epoch * len(trained) + place).question
         for place in range(len(trained))]
        for epoch in range(3)
    ]  # fmt: skip
    assert all(sorted(epoch) == sorted(trained) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    held_out = everything - trained
    assert {p.question for p in task.held_out_problems(len(held_out))} == held_out


def test_another_process_and_another_seed(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", sums(100))
    one, two = file_task(path), file_task(path)
    assert [one.training_problem(3, i) for i in range(99)] == [
        two.training_problem(3, i) for i in reversed(range(99))
    ][::-1]
    assert [one.training_problem(3, i) for i in range(9)] != [
        one.training_problem(4, i) for i in range(9)
    ]
    assert one.held_out_problems(5)[:2] == two.held_out_problems(2)


def test_held_out_problems_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    test = jsonl(tmp_path / "test.jsonl", sums(30))
    train = jsonl(tmp_path / "train.jsonl", sums(100))  # the first 30 are the test's
    task = file_task(train, held_out_path=str(test))
    held_out = {problem.question for problem in task.held_out_problems(30)}
    assert held_out == {row["question"] for row in sums(30)}
    trained = {task.training_problem(0, index).question for index in range(70)}
    assert trained == {row["question"] for row in sums(70, first=30)}
    assert all(map(task.is_held_out, held_out))
    assert not any(map(task.is_held_out, trained))


def test_several_files_are_one_task(tmp_path: Path) -> None:
    columns(tmp_path / "part-0.parquet", sums(50))
    columns(tmp_path / "part-1.parquet", sums(50, first=50))
    task = file_task(tmp_path / "part-*.parquet")
    whole = file_task(jsonl(tmp_path / "all.jsonl", sums(100)))
    assert [task.training_problem(0, i).question for i in range(200)] == [
        whole.training_problem(0, i).question for i in range(200)
    ]


def test_fields_are_found_by_their_names(tmp_path: Path) -> None:
    rows = [
        {"prompt": [{"role": "user", "content": f"What is {n}?"}], "reward": {"truth": n}}
        for n in range(50)
    ]
    task = file_task(
        jsonl(tmp_path / "a.jsonl", rows), verifier="exact", question_field="prompt.0.content",
        answer_field="reward.truth",
    )  # fmt: skip
    problem = task.training_problem(0, 0)
    assert problem.question == f"What is {problem.answer}?"
    assert task.is_right(f" {problem.answer}\n", problem)
    assert not task.is_right(f"{problem.answer}.0", problem)


def test_a_problem_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n\n" + "\n".join(json.dumps(row) for row in sums(40)), encoding="utf-8")
    problem = file_task(path).training_problem(0, 0)
    line = int(problem.id.removeprefix("a.jsonl, line "))
    assert json.loads(path.read_text().splitlines()[line - 1])["question"] == problem.question
    assert problem.task == "a"


@pytest.mark.parametrize(
    ("answer", "reference", "right"),
    [
        ("1/2", r"so it is $\boxed{\frac{1}{2}}$.", True),
        ("0.5", r"First \boxed{3}, but then \boxed{\frac{1}{2}}", True),
        (r"\frac12", "0.5", True),
        ("3", r"\boxed{\frac{1}{2}}", False),
        (r"(x+1)^2", "x^2 + 2x + 1", True),
        (r"\text{Monday}", r"\text{Monday}", True),
        (r"\text{Sunday}", r"\text{Monday}", False),
        ("", "0.5", False),
        ("0.5 or 0.6", "0.5", False),
    ],
)
def test_mathematics_is_compared_by_its_meaning(
    answer: str, reference: str, right: bool, tmp_path: Path
) -> None:
    rows = [{"question": f"{n}?", "answer": reference} for n in range(9)]
    task = file_task(jsonl(tmp_path / "a.jsonl", rows))
    problem = task.training_problem(0, 0)
    assert task.is_right(answer, problem) is right
    assert task.is_right(problem.answer, problem)


@pytest.mark.parametrize(
    ("text", "settings", "told"),
    [
        ('{"question": "a", "answer": "b"}\n{"question": ', {},
         r"task\.path: a\.jsonl, line 2 is not valid JSON"),
        ('["a", "b"]', {}, r"task\.path: a\.jsonl, line 1 is not a JSON object"),
        ('\n{"question": "a", "solution": "b"}', {},
         r"task\.answer_field: a\.jsonl, line 2 .* “answer”; its fields are question, solution"),
        ('{"question": null, "answer": "b"}', {}, r"task\.question_field: a\.jsonl, line 1"),
        ('{"question": "a", "answer": "b"}', {"question_field": "question.0"},
         r"task\.question_field: a\.jsonl, line 1 has no text in a field “question\.0”"),
        ('{"question": "a", "answer": "b"}', {"verifier": "gsm8k"},
         r"task\.verifier: a\.jsonl, line 1: the field “answer” has no final number after ####"),
        ('{"question": "a", "answer": "\\\\boxed{"}', {}, r"task\.verifier: a\.jsonl, line 1"),
        ("", {}, r"task\.path: there is nothing to train on: no rows"),
        ('{"question": "a", "answer": "b"}', {"held_out_path": "nowhere.jsonl"},
         r"task\.held_out_path: there is no file nowhere\.jsonl"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_by_its_line(
    text: str, settings: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=told):
        file_task(path, **settings).training_problem(0, 0)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "a.txt"])
def test_what_is_no_such_file_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(TaskError, match=rf"task\.path: .*{name} is (not a|neither)"):
        file_task(tmp_path / name).training_problem(0, 0)


def test_a_file_that_is_not_there_and_too_few_held_out_problems(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.path: there is no file .*nowhere"):
        file_task(tmp_path / "nowhere.jsonl").held_out_problems(1)
    task = file_task(jsonl(tmp_path / "a.jsonl", sums(50)))
    with pytest.raises(TaskError, match=r"evaluation\.problems: 256 .* a\.jsonl|lower it"):
        task.held_out_problems(256)


def test_a_process_that_verifies_reads_nothing(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", sums(50))
    problem = file_task(path, verifier="gsm8k").training_problem(0, 0)
    path.unlink()
    assert file_task(path, verifier="gsm8k").is_right(problem.answer, problem)


def test_rows_are_found_again_by_their_number(tmp_path: Path) -> None:
    rows = [{"question": "ä" * n, "answer": str(n)} for n in range(120)]
    for name, write in WRITERS.items():
        read = open_rows(write(tmp_path / name, rows))
        assert list(read) == rows
        assert [read[number] for number in reversed(range(120))] == rows[::-1]
        assert list(read) == rows


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 400), st.text(max_size=9))
def test_a_shuffled_order_holds_every_number_once(size: int, key: str) -> None:
    assert sorted(shuffled(place, size, key) for place in range(size)) == list(range(size))


def test_a_file_may_be_for_evaluation_only(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", sums(30))
    task = file_task(path, held_out_path=str(path))
    asked = {problem.question for problem in task.held_out_problems(30)}
    assert asked == {row["question"] for row in sums(30)}
    with pytest.raises(TaskError, match=r"task\.path: there is nothing to train on: all 30"):
        task.training_problem(0, 0)
