"""What an update trains beside GRPO's own loss, and what it leaves alone."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tolerance import GRADIENT, relative_difference
from tests.training.grpo.plain_engine import PlainEngine
from tests.training.model.random_models import build
from training.config import RunConfig
from training.grpo.rollouts import Group
from training.grpo.step import make_minibatch, update
from training.model import ModelConfig
from training.rollout import Completion
from training.tasks import Problem

LENGTHS = [[1, 4, 2], [6, 3, 3]]
PROMPTS = [[5, 6, 7], [9, 6]]


def _update(config: ModelConfig, **optim: float) -> tuple[dict[str, Tensor], Counter[str]]:
    """Gradients and sums of one update in two chunks."""
    model = build(replace(config, num_nextn_predict_layers=1)).train()
    generator = torch.Generator().manual_seed(0)
    groups = []
    for prompt, lengths in zip(PROMPTS, LENGTHS, strict=True):
        members = [
            Completion(torch.randint(0, 97, (n,), generator=generator).tolist(), [-4.0] * n, "stop")
            for n in lengths
        ]
        groups.append(Group(Problem("", ""), "", prompt, members, [], [], [0.7, -1.1, 0.4]))
    run = RunConfig.model_validate({
        "grpo": {"prompts_per_step": 2, "group_size": 3, "kl_coef": 0},
        "hardware": {"chunk_tokens": 15},
        "optim": {"mtp_weight": 0, "balance_loss": 0, **optim},
    })  # fmt: skip
    engine: Any = PlainEngine(model)
    batch = make_minibatch(groups, torch.device("cpu"))
    _, tally, _ = update(engine, batch, None, run, 0.0, longest=8)
    named = model.named_parameters()
    return {name: weight.grad for name, weight in named if weight.grad is not None}, tally.sums


def test_multi_token_prediction_leaves_the_policys_gradient_as_it_is(config: ModelConfig) -> None:
    alone, sums = _update(config)
    beside, sums_beside = _update(config, mtp_weight=0.5)
    for name, gradient in alone.items():
        assert torch.equal(beside[name], gradient), name
    trained = beside.keys() - alone.keys()
    assert trained
    assert all(name.startswith("mtp.") for name in trained)
    assert sums_beside["mtp"] > 0 == sums["mtp"]
    assert sums_beside["loss"] == sums["loss"]


def test_the_layers_gradient_is_in_proportion_to_its_weight(config: ModelConfig) -> None:
    once, _ = _update(config, mtp_weight=0.2)
    twice, _ = _update(config, mtp_weight=0.4)
    for name in (name for name in once if name.startswith("mtp.")):
        assert relative_difference(twice[name], 2 * once[name]) < GRADIENT[torch.float32], name


def test_the_balance_loss_adds_its_weighted_gradient(config: ModelConfig) -> None:
    without, sums = _update(config)
    with_it, sums_with = _update(config, balance_loss=0.5)
    more, _ = _update(config, balance_loss=1.0)
    assert "balance" not in sums
    # A little above 1 for each of the two sparse layers that ran, as it is for uneven load.
    assert sums_with["balance"] == pytest.approx(2, abs=0.5)
    for name in (name for name in without if "router" in name):
        added = with_it[name] - without[name]
        assert added.any(), name
        assert (
            relative_difference(more[name] - without[name], 2 * added) < GRADIENT[torch.float32]
        ), name
