"""One update comes out the same, however the step is cut into processes and chunks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerance import RELATIVE, relative_difference
from tests.training.jobs import run_ranks
from training.model import Transformer, hf

WORKER = Path(__file__).with_name("update_worker.py")


def update_of(
    model: Path,
    out: Path,
    *,
    processes: int = 1,
    zero_stage: int = 1,
    chunk_tokens: int = 1000,
    first: int | None = None,
    grpo: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What rank 0 of a real job says about its update; `first`: how many of 4 prompts it has."""
    file = out / f"{processes}-{zero_stage}-{chunk_tokens}.pt"
    first = 4 // processes if first is None else first
    cut = [str(zero_stage), str(chunk_tokens), str(first)]
    run_ranks([str(WORKER), str(model), str(file), *cut, json.dumps(grpo or {})], processes)
    found: dict[str, Any] = torch.load(file)
    return found


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a layer of multi-token prediction, so that every loss there is takes part."""
    shape = replace(hf.load(tiny_model).config, num_nextn_predict_layers=1)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model")
    hf.save(Transformer(shape), path)
    return path


@pytest.fixture(scope="module")
def plain(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One process, one chunk."""
    return update_of(model, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    "cut",
    [
        {"chunk_tokens": 40},
        {"processes": 2, "chunk_tokens": 40},
        {"processes": 2, "zero_stage": 2, "chunk_tokens": 40},
        {"processes": 2, "zero_stage": 3, "chunk_tokens": 40},
        # 12 chunks of a sequence each, beside 4 sequences on the other rank.
        {"processes": 2, "zero_stage": 3, "chunk_tokens": 1, "first": 3},
        {"zero_stage": 0},
    ],
    ids=str,
)
def test_loss_and_gradient_do_not_depend_on_the_cut(
    cut: dict[str, int], plain: dict[str, Any], model: Path, tmp_path: Path
) -> None:
    found = update_of(model, tmp_path, **cut)
    assert {"loss", "mtp", "balance"} <= found["sums"].keys()
    assert found["sums"] == pytest.approx(plain["sums"], rel=1e-5)
    assert found["grad_norm"] == pytest.approx(plain["grad_norm"], rel=1e-5)
    assert len(found["gradients"]) == len(plain["gradients"]) > 10
    for gradient, wanted in zip(found["gradients"], plain["gradients"], strict=True):
        assert relative_difference(gradient, wanted) < 10 * RELATIVE[torch.float32]
    # Each rank has moved the experts' bias, and all alike.
    assert len(found["biases"]) == cut.get("processes", 1)
    assert found["biases"][0].any()
    for biases in found["biases"][1:]:
        assert torch.equal(biases, found["biases"][0])


def test_tokens_are_counted_over_all_ranks(model: Path, tmp_path: Path) -> None:
    # Means over the step's tokens need every rank's count, less the completions left out.
    dapo = {"loss": {"type": "dapo"}, "correction": {"max": 1.2}, "mask_truncated": True}
    whole = update_of(model, tmp_path, grpo=dapo)
    found = update_of(model, tmp_path, processes=2, chunk_tokens=40, grpo=dapo)
    assert whole["sums"]["tokens"] < whole["all_tokens"]
    assert 0 < whole["sums"]["bounded"] < whole["sums"]["ratios"]
    assert found["sums"] == pytest.approx(whole["sums"], rel=1e-5)
    for gradient, wanted in zip(found["gradients"], whole["gradients"], strict=True):
        assert relative_difference(gradient, wanted) < 10 * RELATIVE[torch.float32]


def test_the_update_moves_the_weights_by_the_learning_rate(plain: dict[str, Any]) -> None:
    # Adam's first step is the learning rate in the gradient's direction, sign by sign.
    assert plain["moved"] == pytest.approx(1e-3, rel=1e-3)
