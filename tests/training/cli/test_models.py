"""sample, evaluate and export on a model that is there."""

from pathlib import Path

import pytest

from training.base_models import find_model
from training.cli import main
from training.model import hf
from training.release import checking
from training.tokenizer import TextTokenizer

QUESTION = "State the final answer to the following arithmetic problem: 42 - 25 ="


def run(*argv: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(list(argv))
    assert stopped.value.code == 0


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands set for themselves must not outlive the test."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("LOCAL_RANK", "0")


def test_sampling_repeats_itself_with_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for seed in ("1", "1", "2"):
        run("sample", "--count", "4", "--seed", seed, QUESTION)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
    assert printed[0].count("<answer>") >= 2


def test_the_base_model_solves_some_held_out_problems_and_is_unsure_of_most(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = ("evaluation.problems=128", "evaluation.completions_per_problem=4")
    run("evaluate", *(word for setting in settings for word in ("--set", setting)))
    values = {
        name: float(value)
        for name, value in (line.split() for line in capsys.readouterr().out.splitlines())
    }
    assert 0.2 < values["eval/pass_at_1"] < 0.45
    assert values["eval/pass_at_1_low"] < values["eval/pass_at_1"] < values["eval/pass_at_1_high"]
    assert values["eval/pass_at_k"] > values["eval/pass_at_1"] + 0.2
    assert values["eval/cons_at_k"] < values["eval/pass_at_k"]
    assert values["eval/format"] > 0.5
    assert values["eval/errors"] == 0


def test_an_exported_model_is_the_model_in_transformers_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("export", "--out", str(tmp_path / "out"))
    assert "transformers agrees" in capsys.readouterr().out
    theirs, ours = hf.load(tmp_path / "out").state_dict(), hf.load(find_model("nano-base"))
    for name, value in ours.state_dict().items():
        assert theirs[name].equal(value)
    TextTokenizer.load(tmp_path / "out")


def test_an_export_that_transformers_reads_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "difference_in_transformers", lambda *_, **__: float("nan"))
    with pytest.raises(RuntimeError, match="it is removed"):
        main(["export", "--out", str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == []
