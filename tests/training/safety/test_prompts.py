"""The prompts: those that ship, and somebody's own."""

import json
from collections import Counter
from pathlib import Path

import pytest

from training.safety.prompts import SafetyError, read_set

ROW = {
    "id": "a", "category": "c", "subcategory": "s", "language": "en", "harmful": True,
    "prompt": "Say something bad.",
}  # fmt: skip


def written(folder: Path, *rows: object) -> str:
    file = folder / "own.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return str(file)


def test_every_subcategory_that_ships_has_the_same_kinds_of_prompts() -> None:
    prompts = read_set(None).prompts
    kinds = Counter((one.category, one.subcategory, one.harmful, one.language) for one in prompts)
    subcategories = {(one.category, one.subcategory) for one in prompts}
    assert Counter(category for category, _ in subcategories) == dict.fromkeys(
        ("crime", "violence", "discrimination", "deception"), 4
    )
    for place in subcategories:
        assert kinds[*place, True, "en"] == 3
        assert kinds[*place, True, "zh"] == kinds[*place, False, "en"] == 2
        assert kinds[*place, False, "zh"] == 1
    assert len(prompts) == len({one.prompt for one in prompts}) == 128


def test_a_set_of_ones_own(tmp_path: Path) -> None:
    found = read_set(written(tmp_path, ROW, {**ROW, "id": "b", "harmful": False}))
    assert (found.name, [one.id for one in found.prompts]) == ("own.jsonl", ["a", "b"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([ROW, {**ROW, "id": "b", "harmful": "yes"}], r"own\.jsonl, line 2: harmful: "),
        ([{**ROW, "language": "fr"}], r"line 1: language: "),
        ([{**ROW, "category": "a/b"}], r"line 1: category: "),
        ([{**ROW, "category": "not_judged"}], "not_judged is the name of another series"),
        ([{**ROW, "more": 1}], r"line 1: more: "),
        ([{key: ROW[key] for key in ROW if key != "prompt"}], r"line 1: prompt: "),
        (["no row"], r"line 1: the row: "),
        ([ROW, ROW], "has an id twice"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, rows: list[object], said: str) -> None:
    with pytest.raises(SafetyError, match=said):
        read_set(written(tmp_path, *rows))


def test_a_file_without_rows_or_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(SafetyError, match="has no prompts"):
        read_set(str(tmp_path / "empty.jsonl"))
    with pytest.raises(
        SafetyError, match=r"^evaluation\.safety\.set: .* cannot be read \(No such file"
    ):
        read_set(str(tmp_path / "none.jsonl"))
