"""How hard a problem is, and what a verifier reads in an answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.config import FileTaskConfig, ReasoningGymConfig
from training.tasks import Problem, Task, build_task
from training.tasks.problem import rated


@pytest.mark.parametrize(
    ("record", "difficulty"),
    [
        ({"difficulty": 3}, 3),
        ({"difficulty": "0.25", "level": 7}, 0.25),
        ({"level": "Level 5"}, 5),
        ({"level": "intermediate"}, None),
        ({"level": "4 of 5"}, None),
        ({"difficulty": None}, None),
        ({"difficulty": {"terms": 2}, "level": -1}, -1),
        ({}, None),
    ],
)
def test_a_record_says_how_hard_it_is(record: dict[str, Any], difficulty: float | None) -> None:
    assert rated(record) == difficulty


def file_task(folder: Path, verifier: str) -> Task:
    rows = [
        {"question": f"{n} + 1?", "answer": f"#### {n + 1}", "level": n % 3} for n in range(100)
    ]
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return build_task(FileTaskConfig.model_validate({"path": str(path), "verifier": verifier}))


def test_rows_and_levels_are_difficulties(tmp_path: Path) -> None:
    task = file_task(tmp_path, "gsm8k")
    problems = [task.training_problem(0, index) for index in range(30)]
    assert all(each.difficulty == (int(each.answer) - 1) % 3 for each in problems)
    plain, levelled = (
        build_task(ReasoningGymConfig(level=level)).training_problem(0, 0) for level in (None, 2)
    )
    assert (plain.difficulty, levelled.difficulty) == (None, 2)


@pytest.mark.parametrize(
    ("verifier", "answer", "parsed"),
    [
        ("gsm8k", "It is 1,234 apples.", "1234"),
        ("gsm8k", "7 of 9", None),
        ("exact", "7 of 9", "7 of 9"),
        ("math", r"\frac{1}{2}", r"\frac{1}{2}"),
    ],
)
def test_what_is_parsed_is_what_the_verifier_compares(
    tmp_path: Path, verifier: str, answer: str, parsed: str | None
) -> None:
    assert file_task(tmp_path, verifier).parsed(answer, Problem("", "1")) == parsed
