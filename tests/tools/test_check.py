"""What the summary of `make test` says of parts that are optional."""

from pathlib import Path

import check
import pytest


def test_the_vllm_part_says_why_it_did_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check, "VLLM", tmp_path / "python")
    assert check.vllm_tests() == (
        True,
        "not run: there is no .venv-vllm; `make vllm` makes it (several GB)",
    )


def test_the_vllm_part_runs_the_tests_that_are_marked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "python").touch()
    called: list[list[str]] = []

    def run(command: list[str], env: dict[str, str]) -> tuple[bool, str]:
        called.append(command[3:])
        return True, "22 passed"

    monkeypatch.setattr(check, "VLLM", tmp_path / "python")
    monkeypatch.setattr(check, "run", run)
    assert check.vllm_tests() == (True, "22 passed")
    assert called == [["-q", "-m", "vllm", "tests/training"]]
