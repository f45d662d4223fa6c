"""What the summary of `make test` says of optional parts, and of what failed."""

from pathlib import Path

import check
import pytest


def test_the_vllm_part_says_why_it_did_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check, "VLLM", tmp_path / "python")
    assert check.vllm_tests() == check.Outcome(
        True, "not run: there is no .venv-vllm; `make vllm` makes it (several GB)"
    )


def test_the_vllm_part_runs_the_tests_that_are_marked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "python").touch()
    called: list[list[str]] = []

    def run(command: list[str], env: dict[str, str]) -> tuple[bool, list[str]]:
        called.append(command[3:])
        return True, ["22 passed"]

    monkeypatch.setattr(check, "VLLM", tmp_path / "python")
    monkeypatch.setattr(check, "run", run)
    assert check.vllm_tests() == check.Outcome(True, "22 passed", [])
    assert called == [["-q", "-m", "vllm", "tests/training"]]


def test_the_log_ends_with_what_failed_and_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "test_sums.py"
    broken.write_text("def test_a_sum():\n    assert 1 + 1 == 3\n")
    fine = tmp_path / "test_fine.py"
    fine.write_text("def test_nothing():\n    pass\n")
    bare = ("-c", str(tmp_path / "pytest.ini"), "-p", "no:django")
    (tmp_path / "pytest.ini").write_text("[pytest]")
    parts = {"a": check.pytest(*bare, str(broken)), "b": check.pytest(*bare, str(fine))}
    monkeypatch.setattr(check, "all_parts", lambda: parts)
    assert check.main([]) == 1
    end = capfd.readouterr().out.splitlines()[-5:]
    assert [line.split(" s  ")[-1] for line in end[:2]] == ["1 failed", "1 passed"]
    assert end[2] == "E       assert (1 + 1) == 3"
    assert end[3].startswith("FAILED ")
    assert "/test_sums.py::test_a_sum" in end[3]
    assert end[4] == "1 passed, 1 failed"
