"""Pretraining's gradient is that of all its losses together, however the documents are cut."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tolerance import GRADIENT, relative_difference
from tests.training.model.random_models import build
from training import pretrain
from training.config import PretrainConfig
from training.model import ModelConfig, Transformer, completion_logprobs

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
