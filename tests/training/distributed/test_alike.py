"""Whole runs learn the same, whatever number of processes and whichever ZeRO stage they have."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerance import RELATIVE, relative_difference
from tests.training.grpo.test_run import told as said
from tests.training.jobs import run_ranks
from training import checkpoint
from training.model import hf

WORKER = Path(__file__).with_name("alike_worker.py")
STEPS = 3
CASES = ["0:1", "1:1", "2:1", "3:1", "1:2"]


@pytest.fixture(scope="module")
def runs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Directories of runs by one and by two processes."""
    found = {}
    for processes, cases in ((1, CASES[1:2]), (2, CASES)):
        found[processes] = tmp_path_factory.mktemp(f"processes-{processes}")
        run_ranks([str(WORKER), str(tiny_model), str(found[processes]), *cases], processes)
    return found


def by_type(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    return [record for record in said(run_dir, after_step=0) if record["type"] == kind]


@pytest.mark.timeout(900)  # the fixture starts three processes
@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_learns(case: str, runs: dict[int, Path]) -> None:
    alone, together = runs[1] / "1-1", runs[2] / case.replace(":", "-")
    wanted, found = (by_type(run_dir, "rollouts") for run_dir in (alone, together))
    assert len(found) == len(wanted) == 2 * STEPS
    for group, expected in zip(found, wanted, strict=True):
        texts, expected_texts = (
            [member["text"] for member in record["completions"]] for record in (group, expected)
        )
        assert texts == expected_texts
    for record, expected in zip(
        by_type(together, "metrics"), by_type(alone, "metrics"), strict=True
    ):
        values, expected_values = record["values"], expected["values"]
        assert values.keys() == expected_values.keys()
        assert values == pytest.approx(expected_values, rel=RELATIVE[torch.float32], abs=1e-6)
    weights, expected_weights = (
        hf.load(checkpoint.path_of(run_dir, STEPS) / "weights").state_dict()
        for run_dir in (together, alone)
    )
    for name, weight in expected_weights.items():
        assert relative_difference(weights[name], weight) < RELATIVE[torch.float32], name
    before = hf.load(checkpoint.path_of(alone, 1) / "weights").state_dict()
    assert relative_difference(before["norm.weight"], expected_weights["norm.weight"]) > 1e-3


def test_a_run_with_shared_out_experts_resumes_bit_for_bit(runs: dict[int, Path]) -> None:
    straight, resumed = runs[2] / "1-2", runs[2] / "1-2-resumed"
    assert said(resumed, after_step=1) == said(straight, after_step=1)
    weights = Path("weights") / "model.safetensors"
    one, other = (checkpoint.path_of(run, STEPS) / weights for run in (resumed, straight))
    assert one.read_bytes() == other.read_bytes()
