"""A run that was stopped and resumed is the run that never stopped, bit for bit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.grpo.test_run import told
from tests.training.jobs import environment, events
from training import checkpoint
from training.config import RunConfig, resolve
from training.config.presets import merge
from training.events import RolloutsEvent

WORKER = Path(__file__).with_name("resume_worker.py")
STEPS = 6

CASES: dict[str, dict[str, Any]] = {
    "amid a collection": {"grpo": {"steps_per_collection": 3}},
    "one collection ahead": {
        "grpo": {"correction": {"level": "token"}},
        "sampling": {"staleness": 1},
    },
    "two ahead, several steps each": {
        "grpo": {"steps_per_collection": 2},
        "sampling": {"staleness": 2},
    },
    "dynamic sampling ahead": {
        "grpo": {"dynamic_sampling": {"max_rounds": 3}},
        "sampling": {"staleness": 1},
    },
}


def config_of(tiny_model: Path, case: dict[str, Any]) -> RunConfig:
    common: dict[str, Any] = {
        "model": {"path": str(tiny_model)},
        "reward": {"tag_count": 1.0},  # which even random weights earn now and then
        "grpo": {
            "steps": STEPS, "prompts_per_step": 2, "group_size": 4, "kl_coef": 0.1,
            "ref_refresh_steps": 4,
        },
        "sampling": {"max_new_tokens": 6},
        "optim": {"learning_rate": 0.01},
        "evaluation": {"every_steps": 4, "problems": 4},
        "checkpoint": {"every_steps": 100},
        "hardware": {"device": "cpu", "dtype": "fp32"},
    }  # fmt: skip
    return resolve(None, merge(common, case)).config


@pytest.mark.parametrize("name", CASES)
def test_stopping_changes_nothing(name: str, tiny_model: Path, tmp_path: Path) -> None:
    looks = ["4", "7"]
    config = config_of(tiny_model, CASES[name])
    done = subprocess.run(
        [sys.executable, str(WORKER), config.model_dump_json(), str(tmp_path), *looks],
        env=environment(DS_ACCELERATOR="cpu"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    straight = tmp_path / "straight"
    assert len(set(steps_of(straight))) == STEPS
    for look in looks:
        stopped = tmp_path / f"stop-{look}"
        assert told(stopped, after_step=0) == told(straight, after_step=0)
        assert final(stopped) == final(straight)


def steps_of(run_dir: Path) -> list[int]:
    return [event.step for event in events(run_dir) if isinstance(event, RolloutsEvent)]


def final(run_dir: Path) -> dict[str, bytes]:
    """Weights and reference after the last step."""
    path = checkpoint.path_of(run_dir, STEPS)
    return {
        name: (path / name / "model.safetensors").read_bytes() for name in ("weights", "reference")
    }
