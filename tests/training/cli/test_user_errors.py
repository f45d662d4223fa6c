"""A user's mistake: one sentence, exit code 2, no traceback, nothing written."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from training import corpus
from training.cli import main

Complaint = Callable[..., str]
"""Runs a command that must fail, and gives back what it says."""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """`train` takes over both signals; give them back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Complaint:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")

    def run(*argv: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(list(argv))
        assert stopped.value.code == 2
        message = capsys.readouterr().err.strip()
        assert "\n" not in message
        return message

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "r9"], "preset: There is no preset “r9”."),
        (["--set", "grpo.stepps=1"], "grpo.stepps: There is no field “grpo.stepps”."),
        (["--set", "grpo.steps=0"], "grpo.steps: Input should be greater than or equal to 1"),
        (["--set", "grpo.steps=many"], "grpo.steps: Input should be a valid integer"),
        (["--set", "grpo.steps"], "--set: “grpo.steps” is not of the form FIELD=VALUE."),
        (
            ["--set", "hardware.processes=3"],
            "grpo.prompts_per_step: 8 prompts do not divide over 3 processes",
        ),
        (["missing.toml"], "missing.toml cannot be read (No such file or directory)."),
        ([], "config.json is missing: give a config file or --preset."),
    ],
)
def test_train(arguments: list[str], message: str, complaint: Complaint, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    assert message in complaint("train", "--run-dir", str(run_dir), *arguments)
    assert not run_dir.exists()


def test_toml_that_is_none(complaint: Complaint, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("grpo = [")
    message = complaint("train", str(file), "--run-dir", str(tmp_path / "run"))
    assert "config.toml is not valid TOML" in message


@pytest.mark.parametrize("command", [("train", "--run-dir"), ("pretrain", "--out")])
def test_a_preset_that_is_no_name(
    command: tuple[str, str], complaint: Complaint, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("preset = [3]")
    name, out = command
    assert "preset “[3]”" in complaint(name, str(file), out, str(tmp_path / "out"))


def test_a_run_directory_of_another_config(complaint: Complaint, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    message = complaint("train", "--run-dir", str(tmp_path), "--preset", "r1-zero-nano")
    assert "holds a run with another config" in message
    assert (tmp_path / "config.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('python = "/gone/python"', "sampling.engine.python: /gone/python is missing: run `make "),
        (
            'addresses = ["node:1"]\ntoken_env = "NO_SECRET"',
            "sampling.engine.token_env: NO_SECRET ",
        ),
    ],
)
def test_a_sampler_that_cannot_be_reached(
    setting: str, message: str, complaint: Complaint, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'preset = "r1-zero-nano"\n[sampling.engine]\ntype = "vllm"\n{setting}\n')
    assert message in complaint("train", str(file), "--run-dir", str(tmp_path / "run"))


def test_a_model_that_is_not_there(complaint: Complaint, tmp_path: Path) -> None:
    for command in (["sample", "1 + 1"], ["evaluate"], ["export", "--out", str(tmp_path / "out")]):
        message = complaint(*command, "--model", str(tmp_path / "gone"))
        assert message.startswith("model.path: “")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--preset", "big"],
            "preset: There is no pretraining preset “big”, only nano-base, nano-dense.",
        ),
        (["--set", "stepps=1"], "stepps: There is no field “stepps”."),
        (["--set", "steps=0"], "steps: Input should be greater than or equal to 1, not 0."),
        (["--set", "dtype=int8"], "dtype: Input should be 'auto', 'bf16', 'fp32' or 'fp8'"),
        (["--set", "model.n_group=3"], "n_group is 3: it must divide n_routed_experts (8)"),
        (
            ["--set", "model.vocab_size=100"],
            "model.vocab_size: The tokenizer has 263 tokens at least: take as many, not 100.",
        ),
        (
            ["--set", "model.max_position_embeddings=40"],
            "model.max_position_embeddings: The longest document has ",
        ),
        (["missing.toml"], "missing.toml cannot be read (No such file or directory)."),
    ],
)
def test_pretrain(
    arguments: list[str],
    message: str,
    complaint: Complaint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(corpus, "_TOKENIZER_DOCUMENTS", 200)
    monkeypatch.setattr(corpus, "_TOKENIZER_QUESTIONS", 5)
    quick = ("--set", "documents_per_step=8", "--set", "steps=2")
    assert message in complaint("pretrain", "--out", str(tmp_path / "out"), *quick, *arguments)
    assert not (tmp_path / "out").exists()


def test_a_base_model_that_cannot_be_written(
    complaint: Complaint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "_TOKENIZER_DOCUMENTS", 200)
    monkeypatch.setattr(corpus, "_TOKENIZER_QUESTIONS", 5)
    (tmp_path / "file").write_text("")
    message = complaint("pretrain", "--out", str(tmp_path / "file" / "out"), "--set", "steps=1")
    assert message.endswith("cannot be written (Not a directory).")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["sample", "1", "--temperature", "-1"],
            "--temperature: -1.0 is not allowed, take 0 to 10.",
        ),
        (
            ["sample", "1", "--temperature", "nan"],
            "--temperature: nan is not allowed, take 0 to 10.",
        ),
        (["sample", "1", "--count", "0"], "--count: 0 is not allowed, take 1 or more."),
        (["sample", "1", "--max-new-tokens", "0"], "--max-new-tokens: 0 is not allowed, take 1 or"),
        (
            ["evaluate", "--set", "evaluation.k=2"],
            "evaluation.k: pass@2 needs at least 2 completions of a problem",
        ),
        (
            ["evaluate", "--set", "evaluation.problems=0"],
            "evaluation.problems: Input should be greater than or equal to 1",
        ),
    ],
)
def test_a_number_out_of_range(arguments: list[str], message: str, complaint: Complaint) -> None:
    assert message in complaint(*arguments)


def test_a_gpu_that_is_not_there(
    complaint: Complaint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LOCAL_RANK", "0")
    arguments = ("--preset", "r1-zero-nano", "--set", "hardware.device=cuda")
    message = complaint("train", "--run-dir", str(tmp_path), *arguments)
    assert message == "hardware.device: cuda, but this machine has no GPU: set auto or cpu."
    finished = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])
    assert finished["outcome"] == "failed"
    assert finished["reason"] == message


@pytest.mark.parametrize("processes", [{"LOCAL_RANK": "2"}, {"LOCAL_RANK": "0", "LOCAL_SIZE": "3"}])
def test_more_processes_than_gpus(
    processes: dict[str, str],
    complaint: Complaint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in processes.items():
        monkeypatch.setenv(name, value)
    complaint("train", "--run-dir", str(tmp_path), "--preset", "r1-zero-nano")
    reason = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])["reason"]
    assert reason.startswith("hardware.processes: 3 of them are on this machine, which has 2 GPUs")
