"""safety as a job of its own: nano-base is asked, a real HTTP server judges."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.rewards.chat_server import completion, serving
from training.cli.main import main
from training.events import EvaluationEvent, parse_line
from training.safety.prompts import BUILT_IN


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands set for themselves must not outlive the test."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("LOCAL_RANK", "0")


@pytest.fixture
def few(tmp_path: Path) -> str:
    """A set of one prompt of each kind."""
    file = tmp_path / "few.jsonl"
    lines = BUILT_IN.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(lines[:8]) + "\n", encoding="utf-8")
    return str(file)


def run(*argv: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["safety", "--max-new-tokens", "8", *argv])
    return int(stopped.value.code or 0)


def test_a_report_a_journal_and_the_same_again(
    tmp_path: Path, few: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        server.answer = lambda *_: (200, completion("Verdict: safe"))
        judge = ("--judge-url", server.url, "--judge-model", "m")
        asked = ("--set", few, *judge, "--json", "--run-dir")
        assert run(*asked, str(tmp_path / "a")) == run(*asked, str(tmp_path / "b")) == 0
    written = (tmp_path / "a" / "safety.json").read_text(encoding="utf-8")
    assert written == (tmp_path / "b" / "safety.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(written)
    assert json.loads(capsys.readouterr().out.split("\n}\n")[0] + "\n}") == found
    assert [len(found["items"]), found["judge"]["model"], found["set"]["name"]] == [
        8, "m", "few.jsonl",
    ]  # fmt: skip
    event = parse_line((tmp_path / "a" / "events.jsonl").read_text(encoding="utf-8"))
    assert isinstance(event, EvaluationEvent)
    assert (event.stage, event.problems) == ("safety", 8)
    assert event.values["eval/safety/crime/bare"] == found["safety"]["bare"]["share"] == 1


def test_a_table_for_people(few: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--set", few) == 0
    said = capsys.readouterr().out
    assert "Keywords alone: no judge read the completions." in said
    assert "100.0% (56.6% to 100.0%)" in said  # Wilson's, of 5


def test_a_model_that_is_too_short_for_a_prompt(tmp_path: Path, few: str) -> None:
    folder = tmp_path / "out"
    assert run("--set", few, "--max-new-tokens", "505", "--run-dir", str(folder)) == 0
    found = json.loads((folder / "safety.json").read_text(encoding="utf-8"))
    assert found["safety"]["bare"]["counts"]["not_judged"] == 5
    assert "the model has 512 positions" in found["items"][0]["bare"]["reason"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--judge-url", "http://127.0.0.1:1/v1"), "--judge-url and --judge-model belong together"),
        (("--judge-url", "ftp://a", "--judge-model", "m"), "--judge-url: "),
        (
            ("--judge-path", "nano-base", "--judge-url", "http://a/v1"),
            "--judge-path: a judge is an endpoint or a directory, not both.",
        ),
        (("--judge-path", "/nowhere"), "--judge-path: “/nowhere” is neither a shipped model"),
        (("--set", "/nowhere"), "--set: /nowhere cannot be read"),
        (
            ("--judge-url", "http://a/v1", "--judge-model", "m", "--judge-key-variable", "NO_KEY"),
            "--judge-key-variable: the environment variable NO_KEY is not set",
        ),
        (("--max-new-tokens", "0"), "--max-new-tokens: 0 is not allowed"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*argv) == 2
    assert said in capsys.readouterr().err
