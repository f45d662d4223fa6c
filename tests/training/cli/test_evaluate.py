"""evaluate as a job of its own: for people, for programs, and into a journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.cli.main import main
from training.events import EvaluationEvent, parse_line

SMALL = (
    "--set", "evaluation.problems=8", "--set", "sampling.max_new_tokens=16",
    "--set", "reward.workers=1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands set for themselves must not outlive the test."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("LOCAL_RANK", "0")


def run(*argv: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *argv])
    return int(stopped.value.code or 0)


def test_one_evaluation_told_to_a_program_and_to_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = '{type = "reasoning_gym", name = "gcd"}'
    sets = f'evaluation.sets=[{{name = "gcd", problems = 3, task = {task}}}]'
    folder = tmp_path / "evaluations"
    assert run(*SMALL, "--json", "--run-dir", str(folder), "--set", sets) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "nano-base"
    assert told["k"] == told["evaluation"]["completions_per_problem"] == 1
    assert 0 <= told["values"]["eval/gcd/pass_at_1"] <= told["values"]["eval/gcd/pass_at_1_high"]
    event = parse_line((folder / "events.jsonl").read_text(encoding="utf-8"))
    assert isinstance(event, EvaluationEvent)
    assert event.values == told["values"]
    assert (event.step, event.problems, event.stage) == (0, 8, "evaluation")


def test_a_runs_own_journal_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert run(*SMALL, "--run-dir", str(tmp_path)) == 2
    assert "is a run's own directory" in capsys.readouterr().err
    assert not (tmp_path / "events.jsonl").exists()


def test_a_set_without_enough_problems_is_told_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"question": "a", "answer": "b"}\n', encoding="utf-8")
    task = f'{{type = "file", path = "{file}", held_out_path = "{file}"}}'
    sets = f'evaluation.sets=[{{name = "a", problems = 2, task = {task}}}]'
    assert run(*SMALL, "--set", sets) == 2
    assert capsys.readouterr().err.startswith(
        "evaluation.sets.0.problems: 2 held-out problems are asked for"
    )
