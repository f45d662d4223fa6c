"""Pretraining's gradient is that of all its losses together, however the documents are cut."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tolerance import GRADIENT, relative_difference
from tests.training.model.random_models import build
from training import corpus, pretrain
from training.cli import main
from training.config import ConfigError, PretrainConfig
from training.config import ModelConfig as ShapeConfig
from training.corpus import document, tokenizer_texts
from training.model import ModelConfig, Transformer, completion_logprobs, hf
from training.tokenizer import train

ROWS = [[1, 5, 6, 7, 8, 9, 2], [1, 5, 2], [1, 7], [1, 9, 9, 4, 2], [1, 5, 6, 2]]
CONFIG = PretrainConfig(mtp_weight=0.3, balance_loss=0.05)


class _PlainEngine:
    """Backward passes without DeepSpeed."""

    process = SimpleNamespace(device=torch.device("cpu"))

    def __init__(self, model: Transformer) -> None:
        self.model = model
        self.lasts: list[bool] = []

    def logprobs(self, *batch: Tensor, **asked: Any) -> Any:
        return completion_logprobs(self.model, *batch, **asked)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        loss.backward()
        self.lasts.append(last)


def _exact(model: Transformer) -> dict[str, Tensor]:
    """The losses by their definitions, a document at a time in float64."""
    following = ahead = balance = torch.zeros(())
    for row in ROWS:
        tokens_1T = torch.tensor([row])
        everything_1T = torch.ones_like(tokens_1T, dtype=torch.bool)
        scored_1T = everything_1T.clone()
        scored_1T[:, 0] = False
        batch = (tokens_1T, everything_1T, scored_1T)
        result = completion_logprobs(model, *batch, mtp="joint", balance=True)
        following = following - result.logprobs_BT.double().sum()
        ahead = ahead - result.mtp_BT.double().sum()
        balance = balance + result.balance_B.double().sum()
    predicted = sum(len(row) - 1 for row in ROWS)
    return {
        "optim/loss": following / predicted,
        "mtp/loss": ahead / predicted,
        "moe/balance_loss": balance / len(ROWS),
    }


@pytest.mark.parametrize("micro_batch", [2, 32])
def test_losses_and_gradient_follow_their_definitions(
    config: ModelConfig, micro_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain, "MICRO_BATCH", micro_batch)
    shape = replace(config, num_nextn_predict_layers=1)
    model, exact = build(shape), build(shape).double()
    engine: Any = _PlainEngine(model)
    found = pretrain._backward(engine, CONFIG, ROWS)
    expected = _exact(exact)
    assert found == pytest.approx({name: float(x.detach()) for name, x in expected.items()})
    assert engine.lasts == [False] * (len(engine.lasts) - 1) + [True]
    weighted = expected["optim/loss"] + CONFIG.mtp_weight * expected["mtp/loss"]
    (weighted + CONFIG.balance_loss * expected["moe/balance_loss"]).backward()
    pairs = zip(model.named_parameters(), exact.parameters(), strict=True)
    for (name, parameter), reference in pairs:
        assert relative_difference(parameter.grad, reference.grad) < GRADIENT[torch.float32], name


def test_losses_of_weight_zero_are_not_computed(config: ModelConfig) -> None:
    engine: Any = _PlainEngine(build(replace(config, num_nextn_predict_layers=1)))
    plain = PretrainConfig(mtp_weight=0, balance_loss=0)
    assert pretrain._backward(engine, plain, ROWS).keys() == {"optim/loss"}
    assert engine.model.mtp.join.weight.grad is None


def test_the_longest_document_just_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "_TOKENIZER_DOCUMENTS", 200)
    monkeypatch.setattr(corpus, "_TOKENIZER_QUESTIONS", 5)
    tokenizer = train(tokenizer_texts(0, 0.25), 300)
    config = PretrainConfig(steps=3, documents_per_step=4)
    longest = max(len(tokenizer.encode(document(0, index, 0.25))) + 2 for index in range(12))
    fits, short = (
        config.model_copy(
            update={"model": ShapeConfig(vocab_size=300, max_position_embeddings=limit)}
        )
        for limit in (longest, longest - 1)
    )
    pretrain._check_text_fits(fits, tokenizer)
    with pytest.raises(ConfigError, match=f"has {longest} tokens: take as many at least, not"):
        pretrain._check_text_fits(short, tokenizer)


def test_settings_are_those_of_file_preset_and_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr(corpus, "_TOKENIZER_DOCUMENTS", 200)
    monkeypatch.setattr(corpus, "_TOKENIZER_QUESTIONS", 5)
    file = tmp_path / "small.toml"
    file.write_text(
        'preset = "nano-base"\nsteps = 9\ndocuments_per_step = 4\nbalance_loss = 0.01\n'
        "[model]\nhidden_size = 32\nnum_hidden_layers = 2\n"
    )
    given = ("steps=2", "model.num_nextn_predict_layers=1", "dtype=fp8", "moment_dtype=bf16")
    sets = [part for assignment in given for part in ("--set", assignment)]
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stopped:
        main(["pretrain", str(file), "--out", str(out), *sets])
    assert stopped.value.code == 0
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    metrics = [event["values"] for event in events if event["type"] == "metrics"]
    assert [event["level"] for event in events if event["type"] == "log"] == ["warning"]
    assert len(metrics) == 2
    assert all({"mtp/loss", "moe/balance_loss"} <= values.keys() for values in metrics)
    model = hf.load(out)
    assert model.config.hidden_size == 32
    assert model.config.intermediate_size == 512  # the preset's
    assert model.config.num_nextn_predict_layers == 1
