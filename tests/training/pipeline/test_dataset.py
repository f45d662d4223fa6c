"""A stage's dataset holds each row once, whoever dies while writing it."""

import hashlib
import json
from pathlib import Path

from training.rejection.dataset import Dataset, path_of


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_of_later_steps_are_left_behind_with_their_attempt(tmp_path: Path) -> None:
    path = path_of(tmp_path, "data")
    made = Dataset(path, before=10, step=0)
    for step in (11, 12, 13):
        made.add([{"step": step, "text": "é"}, {"step": step}])
    again = Dataset(path, before=10, step=2)
    assert again.rows == 4
    again.add([{"step": 13}])
    assert steps(path) == [11, 11, 12, 12, 13]
    assert again.rows == 5
    assert again.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_torn_line_is_dropped_with_what_follows_it(tmp_path: Path) -> None:
    path = path_of(tmp_path, "data")
    Dataset(path, before=0, step=0).add([{"step": 1}, {"step": 2}])
    with path.open("a") as file:
        file.write('{"step": 3, "te')
    assert Dataset(path, before=0, step=3).rows == 2
    assert steps(path) == [1, 2]


def test_a_stage_that_begins_anew_begins_with_nothing(tmp_path: Path) -> None:
    path = path_of(tmp_path, "data")
    Dataset(path, before=5, step=0).add([{"step": 6}])
    assert Dataset(path, before=5, step=0).rows == 0
    assert path.read_text() == ""
