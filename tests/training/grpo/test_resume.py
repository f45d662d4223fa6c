"""A run that was stopped and resumed is the run that never stopped, bit for bit."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.training.grpo.test_run import told
from tests.training.jobs import environment, events, train, write_config
from training import checkpoint
from training.config import RunConfig, resolve
from training.config.presets import merge
from training.events import MetricsEvent, RolloutsEvent

WORKER = Path(__file__).with_name("resume_worker.py")
STEPS = 6

CASES: dict[str, dict[str, Any]] = {
    "amid a collection": {"grpo": {"steps_per_collection": 3}},
    "one collection ahead": {
        "grpo": {"correction": {"level": "token"}},
        "sampling": {"staleness": 1, "routing_replay": True},
    },
    "two ahead, several steps each": {
        "grpo": {"steps_per_collection": 2},
        "sampling": {"staleness": 2},
    },
    "past a file's end, with a curriculum": {
        "task": {
            "type": "file",
            "path": "sums.jsonl",
            "held_out_path": "held-out.jsonl",
            "curriculum": {},
        },
        "sampling": {"staleness": 1},
    },
    "a long tail carried over": {
        "grpo": {"correction": {"level": "token"}, "dynamic_sampling": {"max_rounds": 2}},
        "sampling": {"carry_over": 0.5, "stop": ["1", "e", "<"], "max_new_tokens": 24},
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
    config = resolve(None, merge(common, case)).config
    if config.task.type != "file":
        return config
    here = {"path": _sums(tiny_model, "sums", 1), "held_out_path": _sums(tiny_model, "held-out", 9)}
    return config.model_copy(update={"task": config.task.model_copy(update=here)})


def _sums(directory: Path, name: str, first: int) -> str:
    """A file of five problems."""
    file = directory / f"{name}.jsonl"
    rows = [{"question": f"{first} + {n} =", "answer": str(first + n)} for n in range(5)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


VERSIONS = {
    "past a file's end, with a curriculum": [0, 0, 1, 2, 3, 4],
    "amid a collection": [0, 0, 0, 3, 3, 3],
    "one collection ahead": [0, 0, 1, 2, 3, 4],
    "two ahead, several steps each": [0, 0, 0, 0, 0, 0],
    "dynamic sampling ahead": [0, 0, 1, 2, 3, 4],
}
"""Which policy wrote what each step trains on."""


LOOKS = ["4", "7"]


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where the worker ran a case, once."""

    @cache
    def run_case(name: str) -> Path:
        out = tmp_path_factory.mktemp("resume")
        config = config_of(tiny_model, CASES[name]).model_dump_json()
        done = subprocess.run(
            [sys.executable, str(WORKER), config, str(out), *LOOKS],
            env=environment(DS_ACCELERATOR="cpu"), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return out

    return run_case


@pytest.mark.parametrize("name", CASES)
def test_stopping_changes_nothing(name: str, run: Callable[[str], Path]) -> None:
    straight = run(name) / "straight"
    for look in LOOKS:
        stopped = run(name) / f"stop-{look}"
        assert told(stopped, after_step=0) == told(straight, after_step=0)
        assert final(stopped) == final(straight)


@pytest.mark.parametrize("name", VERSIONS)
def test_each_collection_comes_from_the_policy_that_was_due(
    name: str, run: Callable[[str], Path]
) -> None:
    straight = run(name) / "straight"
    trained = [group for group in rollouts(straight) if group.trained]
    assert [group.step for group in trained[::2]] == list(range(1, STEPS + 1))
    assert [group.policy_version for group in trained[::2]] == VERSIONS[name]
    for values in metrics(straight):
        assert values["sampler/staleness_max"] == values["sampler/staleness_mean"]


def test_a_file_is_asked_again_after_its_end(run: Callable[[str], Path]) -> None:
    groups = rollouts(run("past a file's end, with a curriculum") / "straight")
    assert len(groups) == 2 * STEPS
    assert len({group.question for group in groups}) == 5


def test_flat_groups_are_replaced_told_of_and_not_trained_on(run: Callable[[str], Path]) -> None:
    straight = run("dynamic sampling ahead") / "straight"
    groups = rollouts(straight)
    dropped = [group for group in groups if not group.trained]
    assert dropped
    for group in dropped:
        assert len({member.reward for member in group.completions}) == 1
        assert {member.advantage for member in group.completions} == {0.0}
    assert len({group.question for group in groups}) > len(dropped)
    for step, values in enumerate(metrics(straight), 1):
        here = [group for group in groups if group.step == step]
        assert [group.trained for group in here].count(True) == 2
        assert values["groups/dropped"] == len(here) - 2


def test_what_is_carried_over_tells_the_policy_that_began_it(run: Callable[[str], Path]) -> None:
    straight = run("a long tail carried over") / "straight"
    ages = [group.step - 1 - group.policy_version for group in rollouts(straight)]
    assert min(ages) == 0 < max(ages)
    questions = [group.question for group in rollouts(straight)]
    assert len(set(questions)) == len(questions)


def test_two_processes_resume_amid_a_collection(tiny_model: Path, tmp_path: Path) -> None:
    case = {
        "grpo": {"steps": 4, "steps_per_collection": 4},
        "checkpoint": {"every_steps": 2, "keep_last": 2},
        "hardware": {"processes": 2},
    }
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    for run_dir in (straight, resumed):
        write_config(run_dir, config_of(tiny_model, case))
    assert train(straight).returncode == 0
    shutil.copytree(checkpoint.path_of(straight, 2), checkpoint.path_of(resumed, 2))
    result = train(resumed)
    assert result.returncode == 0, result.stderr
    assert told(resumed, after_step=2) == told(straight, after_step=2)
    assert final(resumed, 4) == final(straight, 4)


def rollouts(run_dir: Path) -> list[RolloutsEvent]:
    return [event for event in events(run_dir) if isinstance(event, RolloutsEvent)]


def metrics(run_dir: Path) -> list[dict[str, float]]:
    return [event.values for event in events(run_dir) if isinstance(event, MetricsEvent)]


def final(run_dir: Path, step: int = STEPS) -> dict[str, bytes]:
    """Weights and reference after the last step."""
    path = checkpoint.path_of(run_dir, step)
    return {
        name: (path / name / "model.safetensors").read_bytes() for name in ("weights", "reference")
    }
