"""What an evaluation has is not trained on: by n-grams, of rows of files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import FileTaskConfig, MixtureConfig, PartConfig, ReasoningGymConfig
from training.tasks import Evaluated, Problem, TaskError, build_task
from training.tasks.decontamination import Match

NGRAM = 3
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


def problem(words: list[str], answer: str = "") -> Problem:
    return Problem(" ".join(words), answer, id="p")


def grams(words: list[str]) -> set[tuple[str, ...]]:
    whole = {tuple(words)} if 0 < len(words) < NGRAM else set()
    return whole | {tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)}


@given(st.lists(WORDS, max_size=5), WORDS)
def test_it_finds_what_has_words_in_a_row_in_common_and_nothing_else(
    evaluated: list[list[str]], training: list[str]
) -> None:
    found = Evaluated(map(problem, evaluated), NGRAM).match(problem(training))
    common = [grams(words) & grams(training) for words in evaluated]
    assert (found is not None) == any(common)
    assert found is None or tuple(found.words.split()) in set().union(*common)


@pytest.mark.parametrize(
    ("question", "answer", "found"),
    [
        ("So: THE cat, sat!", "", "the cat sat"),
        ("Where is it?", "On the mat the cat-sat", "the cat sat"),
        ("the cat", "sat down", None),
        ("4 + 5 = 9", "", "4 5 9"),
        ("说猫坐下", "", "猫 坐 下"),
    ],
)
def test_signs_and_case_make_no_difference_and_answers_count(
    question: str, answer: str, found: str | None
) -> None:
    asked = [Problem("The cat sat", "", id="1"), Problem("4+5=9", "", id="2")]
    asked.append(Problem("…", "猫坐下", id="3"))
    match = Evaluated(asked, NGRAM).match(Problem(question, answer, id="p"))
    assert (match.words if match else None) == found


def rows_file(path: Path, questions: list[str]) -> str:
    rows = [json.dumps({"question": question, "answer": "7"}) for question in questions]
    path.write_text("\n".join(rows))
    return str(path)


def file_config(tmp_path: Path, training: list[str]) -> FileTaskConfig:
    apart = rows_file(tmp_path / "apart.jsonl", ["how many apples has she"])
    return FileTaskConfig(path=rows_file(tmp_path / "rows.jsonl", training), held_out_path=apart)


def test_a_file_passes_over_what_it_leaves_out_in_every_epoch(tmp_path: Path) -> None:
    questions = ["how many pears", "tell how many apples", "how many plums", "many apples has he"]
    task = build_task(file_config(tmp_path, questions))
    left = task.leave_out(Evaluated(task.held_out_problems(1), NGRAM))
    drawn = {task.training_problem(0, index).question for index in range(20)}
    assert drawn == {"how many pears", "how many plums"}
    assert (left.problems, left.count) == (4, 2)
    assert left.examples[0] == Match("rows.jsonl, line 2", "apart.jsonl, line 1", "how many apples")


def test_a_mixture_leaves_out_what_its_parts_do_and_nothing_that_is_made(tmp_path: Path) -> None:
    questions = ["how many pears", "tell how many apples"]
    parts: list[dict[str, Any]] = [
        {"name": "rows", "task": file_config(tmp_path, questions)},
        {"name": "made", "task": ReasoningGymConfig(name="chain_sum")},
    ]
    task = build_task(MixtureConfig(parts=[PartConfig(**part) for part in parts]))
    made = Problem("State the final answer to the following arithmetic problem", "", id="m")
    left = task.leave_out(Evaluated([made, Problem("how many apples", "", id="a")], NGRAM))
    assert (left.problems, left.count) == (2, 1)
    drawn = {task.training_problem(0, index).question for index in range(50)}
    assert {question for question in drawn if question in questions} == {"how many pears"}
    assert len(drawn) > 2


def test_a_file_of_which_nothing_is_left_says_why(tmp_path: Path) -> None:
    task = build_task(file_config(tmp_path, ["how many apples", "so how many apples now"]))
    evaluated = Evaluated(task.held_out_problems(1), NGRAM)
    with pytest.raises(TaskError, match=r"all 2 problems .* 3 words .* “how many apples”"):
        task.leave_out(evaluated)
