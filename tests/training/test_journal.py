import json
import os
import resource
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.events import parse_line
from training.journal import Journal


def events(run_dir: Path) -> list[dict[str, object]]:
    lines = (run_dir / "events.jsonl").read_bytes().split(b"\n")
    found = []
    for line in lines:
        try:
            found.append(parse_line(line).model_dump())
        except ValidationError:
            continue
    return found


def test_numbers_go_on_where_the_last_attempt_ended(tmp_path: Path) -> None:
    first = Journal(tmp_path, "grpo")
    first.write("phase", 0, phase="loading")
    first.write("phase", 0, phase="sampling")
    first.close()
    second = Journal(tmp_path, "grpo")
    second.write("phase", 1, phase="training")
    second.close()
    assert [event["seq"] for event in events(tmp_path)] == [1, 2, 3]
    assert not second.torn


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_closed_and_passed_over(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path, "grpo")
    for step in range(3):
        journal.write("phase", step, phase="sampling")
    journal.close()
    size = journal.path.stat().st_size
    os.truncate(journal.path, size - cut)

    again = Journal(tmp_path, "grpo")
    again.write("phase", 3, phase="training")
    again.close()
    assert again.torn
    # With the newline alone missing the line is whole and counts.
    whole = [1, 2, 3, 4] if cut == 1 else [1, 2, 3]
    assert [event["seq"] for event in events(tmp_path)] == whole
    assert journal.path.read_bytes().endswith(b"\n")


def test_a_last_line_longer_than_the_tail_is_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "grpo")
    journal.write("phase", 0, phase="loading")
    journal.write("log", 0, level="info", message="x" * 300_000)
    journal.close()
    assert Journal(tmp_path, "grpo")._seq == 2


def test_numbers_that_are_not_finite_travel_as_standard_json(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "grpo")
    journal.write("metrics", 1, values={"a": float("nan"), "b": float("-inf")})
    journal.close()
    line = journal.path.read_text()
    assert json.loads(line, parse_constant=pytest.fail)["values"] == {"a": "NaN", "b": "-Infinity"}


def test_a_full_disk_is_counted_and_never_stops_training(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path, "grpo")
    journal.write("phase", 0, phase="loading")
    room = journal.path.stat().st_size + 30
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        journal.write("phase", 1, phase="sampling")
        journal.write("phase", 2, phase="sampling")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.write("phase", 3, phase="training")
    journal.close()
    assert journal.lost == 2
    assert capfd.readouterr().err.count("cannot be written") == 1
    assert [event["seq"] for event in events(tmp_path)] == [1, 2]


def test_a_journal_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Journal(tmp_path / "missing", "grpo")


def test_a_field_that_is_no_field_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Journal(tmp_path, "grpo").write("phase", 0, phase="dancing")
