"""AdamW with bf16 moments, by itself and under DeepSpeed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.tolerance import RELATIVE, relative_difference
from tests.training.jobs import environment
from training.config import OptimConfig
from training.distributed.optimizer import make_optimizer

WORKER = Path(__file__).with_name("optimizer_worker.py")
STAGES = [0, 1, 3]
STEPS = 4


def trained(steps: int, *, moment_dtype: str, dtype: torch.dtype = torch.float32) -> Any:
    """A least squares problem after so many steps: its weights and the optimiser."""
    optim = OptimConfig.model_validate({"moment_dtype": moment_dtype, "weight_decay": 0.1})
    torch.manual_seed(0)
    weights = nn.Parameter(torch.randn(40, 3).to(dtype))
    optimizer = make_optimizer([weights], optim)
    optimizer.param_groups[0]["lr"] = optim.learning_rate
    advance(weights, optimizer, range(steps))
    return weights, optimizer


def advance(weights: Tensor, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        inputs, targets = torch.randn(2, 8, 40, generator=generator).to(weights.dtype)
        optimizer.zero_grad()
        (inputs @ weights - targets[:, :3]).square().mean().backward()
        optimizer.step()


def test_fifty_steps_arrive_where_torchs_float64_arrives() -> None:
    found, optimizer = trained(50, moment_dtype="bf16")
    exact, reference = trained(50, moment_dtype="fp32", dtype=torch.float64)
    assert relative_difference(found, exact) < RELATIVE[torch.bfloat16]
    for name in ("exp_avg", "exp_avg_sq"):
        moment = optimizer.state[found][name]
        assert moment.dtype == torch.bfloat16
        assert relative_difference(moment, reference.state[exact][name]) < RELATIVE[torch.bfloat16]


def test_fp32_moments_stay_torchs_own() -> None:
    assert type(make_optimizer([nn.Parameter(torch.ones(2))], OptimConfig())) is torch.optim.AdamW


def test_saved_and_loaded_it_goes_on_bit_for_bit() -> None:
    straight, optimizer = trained(5, moment_dtype="bf16")
    state = optimizer.state_dict()
    resumed, other = trained(0, moment_dtype="bf16")
    other.load_state_dict(state)
    with torch.no_grad():
        resumed.copy_(straight)
    assert all(state["exp_avg"].dtype == torch.bfloat16 for state in other.state.values())
    for weights, mine in ((straight, optimizer), (resumed, other)):
        advance(weights, mine, range(5, 10))
    assert torch.equal(straight, resumed)


@pytest.fixture(scope="module")
def told(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """What a process says that trained under several ZeRO stages."""
    out = tmp_path_factory.mktemp("optimizer")
    result = subprocess.run(
        [sys.executable, str(WORKER), str(tiny_model), str(out), *map(str, STAGES)],
        env=environment(DS_ACCELERATOR="cpu"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found: dict[int, Any] = torch.load(out / "told.pt")
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_resumed_job_goes_on_bit_for_bit(stage: int, told: dict[int, Any]) -> None:
    straight, resumed = told[stage]["straight"], told[stage]["resumed"]
    assert len(straight["moments"]) >= 2
    for kind in ("weights", "moments"):
        for value, other in zip(straight[kind], resumed[kind], strict=True):
            assert value.dtype == other.dtype == torch.bfloat16
            assert torch.equal(value, other)


def test_only_steps_with_a_gradient_count(told: dict[int, Any]) -> None:
    assert all(told[stage]["straight"]["steps"] == {STEPS} for stage in STAGES)


def test_shards_make_the_update_that_the_whole_makes(told: dict[int, Any]) -> None:
    *others, whole = (told[stage]["straight"]["weights"] for stage in (0, 3, 1))
    for weights in others:
        for value, other in zip(weights, whole, strict=True):
            assert relative_difference(value, other) < RELATIVE[torch.bfloat16]


@pytest.mark.parametrize("stage", [0, 3])
def test_the_norm_of_bf16_gradients_is_as_fine_without_zero(
    stage: int, told: dict[int, Any]
) -> None:
    assert told[stage]["norms"][0] == pytest.approx(told[1]["norms"][0], rel=1e-4)
