"""Whole runs of a model that transformers computes: the same loop, checkpoints and engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.tolerance import RELATIVE, relative_difference
from tests.training.grpo.test_run import told
from tests.training.jobs import environment, events
from training import checkpoint
from training.cli import main
from training.events import LogEvent, MetricsEvent
from training.model import policy
from training.tokenizer import TextTokenizer

WORKER = Path(__file__).with_name("other_models_worker.py")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the worker wrote: a model, a run of it, the same run resumed, and updates."""
    directory = tmp_path_factory.mktemp("other-models")
    done = subprocess.run(
        [sys.executable, str(WORKER), str(directory)],
        env=environment(DS_ACCELERATOR="cpu"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="module")
def results(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "results.pt")
    return found


def test_the_run_learns_and_says_whose_class_it_uses(out: Path) -> None:
    journal = events(out / "whole")
    said = [event.message for event in journal if isinstance(event, LogEvent)]
    assert said == ["model: LlamaForCausalLM by transformers"]
    assert (out / "whole" / "said").read_text().startswith(f"{said[0]}\n")
    steps = [event.values for event in journal if isinstance(event, MetricsEvent)]
    assert len(steps) == 2
    for values in steps:
        assert 0 < values["reward/format"] < 1
        assert values["optim/grad_norm"] > 0
        assert values["sampler/logprob_diff_mean"] < 1e-5
        assert not any(name.startswith(("moe/", "mtp/")) for name in values)
    before = policy.load(out / "model").state_dict()
    after = policy.load(checkpoint.path_of(out / "whole", 2) / "weights").state_dict()
    assert all(not tensor.equal(before[name]) for name, tensor in after.items())


def test_a_resumed_run_goes_on_bit_for_bit(out: Path) -> None:
    assert told(out / "resumed", after_step=1) == told(out / "whole", after_step=1)
    for name in ("weights", "reference"):
        resumed, straight = (
            checkpoint.path_of(out / run, 2) / name / "model.safetensors"
            for run in ("resumed", "whole")
        )
        assert resumed.read_bytes() == straight.read_bytes()


def test_a_checkpoint_opens_in_transformers(out: Path) -> None:
    weights = checkpoint.path_of(out / "whole", 2) / "weights"
    theirs, ours = AutoModelForCausalLM.from_pretrained(weights), policy.load(weights)
    tokens_BT = torch.tensor([TextTokenizer.load(weights).encode_prompt("12 + 7 =")])
    assert torch.equal(theirs(tokens_BT).logits, ours.logits(ours(tokens_BT)))


def test_the_commands_take_such_a_model(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("LOCAL_RANK", "0")
    model = str(checkpoint.path_of(out / "whole", 2))
    for command in (
        ["sample", "--max-new-tokens", "16", "--count", "4", "What is 1 + 2?"],
        ["evaluate", "--set", "evaluation.problems=8"],
        ["export", "--out", str(tmp_path / "export")],
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*command, "--model", model])
        assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert "think>" in said
    assert "eval/pass_at_1 0" in said
    assert "transformers agrees" in said
    assert TextTokenizer.load(tmp_path / "export").vocab_size == 320


def test_every_zero_stage_makes_the_update_of_plain_torch(results: dict[str, Any]) -> None:
    plain, *by_stage = results["updates"]
    assert len(by_stage) == 4
    for update in by_stage:
        assert update["norm"] == pytest.approx(plain["norm"], rel=1e-4)
        for found, wanted in zip(update["weights"], plain["weights"], strict=True):
            assert relative_difference(found, wanted) < 10 * RELATIVE[torch.float32]


def test_rotary_frequencies_stay_exact_under_a_bf16_engine(results: dict[str, Any]) -> None:
    assert results["buffers"]
    for exact, kept in results["buffers"]:
        assert kept.dtype == torch.float32
        assert torch.equal(kept, exact)


def test_a_tokenizer_of_another_model_is_refused(results: dict[str, Any]) -> None:
    assert results["few tokens"] == (
        "tokenizer.json has 320 tokens, the model's vocab_size is 100: they do not belong together."
    )


def test_completions_that_outgrow_the_model_are_refused(results: dict[str, Any]) -> None:
    assert results["few positions"].startswith("sampling.max_new_tokens: 150 tokens after a prompt")
    assert results["few positions"].endswith("more than the model's 192 positions; take fewer.")
