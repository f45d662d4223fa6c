import json
import os
import resource
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.r1web.waiting import until
from training.events import PhaseEvent, parse_line
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


def test_a_run_that_goes_on_is_in_the_stage_it_was_in(tmp_path: Path) -> None:
    for stage in ("zero", "dev1", "dev1"):
        journal = Journal.go_on(tmp_path, "zero")
        journal.write("phase", 0, phase="loading")
        journal.stage = stage
        journal.write("phase", 1, phase="training")
        journal.close()
    told = [event["stage"] for event in events(tmp_path)]
    assert told == ["zero", "zero", "zero", "dev1", "dev1", "dev1"]


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
    journal.flush()
    room = journal.path.stat().st_size + 30
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        journal.write("phase", 1, phase="sampling")
        journal.write("phase", 2, phase="sampling")
        journal.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.write("phase", 3, phase="training")
    journal.close()
    assert journal.lost == 2
    assert capfd.readouterr().err.count("cannot be written") == 1
    assert [event["seq"] for event in events(tmp_path)] == [1, 2]


def test_training_does_not_wait_for_the_disk_but_where_a_line_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, write, disk = Journal(tmp_path, "grpo"), os.write, threading.Event()

    def slow(file: int, data: bytes) -> int:
        disk.wait()
        return write(file, data)

    monkeypatch.setattr(os, "write", slow)
    for step in range(1, 4):
        journal.write("metrics", step, values={"reward/mean": 0.5})
    assert journal.path.stat().st_size == 0
    disk.set()
    journal.write("evaluation", 3, values={}, problems=1, completions_per_problem=1)
    assert [event["type"] for event in events(tmp_path)] == ["metrics"] * 3 + ["evaluation"]
    assert [event["seq"] for event in events(tmp_path)] == [1, 2, 3, 4]
    journal.close()


def test_what_a_step_tells_is_written_with_the_phase_after_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "grpo")
    journal.write("phase", 1, phase="training")
    journal.flush()
    journal.write("metrics", 1, values={"reward/mean": 0.5})
    journal.write("phase", 2, phase="sampling")
    until(lambda: len(events(tmp_path)) == 3)
    assert [event["type"] for event in events(tmp_path)] == ["phase", "metrics", "phase"]
    journal.close()


def test_what_is_last_said_of_a_step_is_written_though_nothing_follows(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "grpo")
    journal.write("metrics", 1, values={"reward/mean": 0.5})
    until(lambda: events(tmp_path))
    journal.close()


def test_a_line_of_several_threads_is_whole_and_has_its_own_number(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "grpo")

    def tell(name: int) -> None:
        for step in range(50):
            journal.write("log", step, level="info", message=str(name) * 5000)

    threads = [threading.Thread(target=tell, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    found = events(tmp_path)
    assert [event["seq"] for event in found] == list(range(1, 201))
    assert Counter(str(event["message"])[0] for event in found) == dict.fromkeys("0123", 50)


def test_what_cannot_be_said_in_json_is_our_mistake_and_costs_its_line_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "grpo")
    with monkeypatch.context() as broken:
        broken.setattr(PhaseEvent, "model_dump_json", lambda _: 1 / 0)
        journal.write("phase", 1, phase="sampling")
        with pytest.raises(ZeroDivisionError):
            journal.flush()
    journal.write("phase", 2, phase="training")
    journal.close()
    assert [(event["seq"], event["step"]) for event in events(tmp_path)] == [(1, 2)]


def test_a_process_that_ends_by_an_error_has_written_all_it_said(tmp_path: Path) -> None:
    story = (
        "import pathlib, sys\nfrom training.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]), 'grpo')\n"
        "for step in range(200): journal.write('phase', step, phase='sampling')\n"
        "raise RuntimeError"
    )
    ended = subprocess.run(
        [sys.executable, "-c", story, tmp_path], capture_output=True, check=False
    )
    assert ended.returncode == 1
    assert len(events(tmp_path)) == 200


def test_a_journal_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Journal(tmp_path / "missing", "grpo")


def test_a_field_that_is_no_field_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Journal(tmp_path, "grpo").write("phase", 0, phase="dancing")
