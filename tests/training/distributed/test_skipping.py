"""A gradient that is not finite leaves the weights alone, and the run goes on."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.jobs import run_ranks

WORKER = Path(__file__).with_name("skip_worker.py")


@pytest.fixture(scope="module")
def told(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Any]:
    out = tmp_path_factory.mktemp("skipping") / "told.pt"
    run_ranks([str(WORKER), str(tiny_model), str(out)], 1)
    found: dict[Any, Any] = torch.load(out)
    return found


@pytest.mark.parametrize("culprit", ["nan", "inf"])
@pytest.mark.parametrize("zero_stage", range(4))
def test_a_step_with_such_a_gradient_is_skipped(
    told: dict[Any, Any], zero_stage: int, culprit: str
) -> None:
    found = told[zero_stage, culprit]
    assert found["skipped"] == [False, True, False]
    assert [math.isfinite(norm) for norm in found["norms"]] == [True, False, True]
    first, second, third = found["weights"]
    assert second.equal(first)
    assert third.isfinite().all()
    assert not third.equal(second)
