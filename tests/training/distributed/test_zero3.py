"""Experts that a rank does not ask neither stop ZeRO 3 nor lose the other ranks' gradient."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerance import GRADIENT, relative_difference
from tests.training.jobs import run_ranks
from tests.training.other_models import directory

WORKER = Path(__file__).with_name("zero3_worker.py")
LEAVES = {
    "ours": ["Experts"],
    "qwen3_moe": ["Qwen3MoeSparseMoeBlock"],
    "mixtral": ["MixtralSparseMoeBlock"],
}


@pytest.fixture(scope="module")
def told(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("zero3")
    shutil.copytree(tiny_model, folder / "ours")
    directory("qwen3_moe", folder / "qwen3_moe")
    directory("mixtral", folder / "mixtral", num_local_experts=4, num_experts_per_tok=2)
    run_ranks([str(WORKER), str(folder / "told.pt"), *(str(folder / name) for name in LEAVES)], 2)
    found: dict[str, Any] = torch.load(folder / "told.pt")
    return found


@pytest.mark.timeout(600)  # the fixture starts two processes
@pytest.mark.parametrize("model", LEAVES)
def test_every_sparse_layer_is_a_leaf(model: str, told: dict[str, Any]) -> None:
    assert told[model]["leaves"] == LEAVES[model]


@pytest.mark.parametrize("model", LEAVES)
def test_gradients_are_those_of_plain_torch(model: str, told: dict[str, Any]) -> None:
    pairs = list(zip(told[model]["found"], told[model]["wanted"], strict=True))
    assert any(wanted.ndim == 3 for _, wanted in pairs)  # the experts'
    for found, wanted in pairs:
        assert wanted.any()
        assert relative_difference(found, wanted) < GRADIENT[torch.float32]
