"""Whole pipelines of a tiny model: each stage from what the ones before left, whatever is cut off.

A tiny random model is never right, so rejection sampling keeps what it gets.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.tolerance import RELATIVE, relative_difference
from tests.training.grpo import test_resume
from tests.training.grpo.test_run import told
from tests.training.jobs import environment, events, train, write_config
from training import checkpoint
from training.config import RunConfig, resolve
from training.config.presets import merge
from training.events import (
    CheckpointEvent,
    EvaluationEvent,
    MetricsEvent,
    StageEvent,
    StartedEvent,
)
from training.model import hf

pytestmark = pytest.mark.timeout(900)  # whole runs, some of four processes: long on a busy machine
WORKER = Path(test_resume.__file__).with_name("resume_worker.py")
ENDS = {"zero": 2, "data": 4, "dev1": 7, "preference": 9, "final": 11, "results": 14}
LOOKS = ["4", "8", "11", "15", "19", "22"]
"""How often the run looks whether to stop until it is told so: within each of the stages."""


def config_of(tiny_model: Path, **hardware: object) -> RunConfig:
    ask = {"prompts_per_step": 2, "group_size": 4}
    data = {"steps": 2, "prompts_per_step": 2, "completions_per_prompt": 4}
    return resolve(None, {
        "model": {"path": str(tiny_model)},
        "reward": {"tag_count": 1.0},  # which even random weights earn now and then
        "grpo": {**ask, "steps": 2, "kl_coef": 0.1},
        "sampling": {"max_new_tokens": 12},
        "optim": {"learning_rate": 0.01},
        "evaluation": {"every_steps": 2, "problems": 4},
        "checkpoint": {"every_steps": 100, "keep_last": 1, "keep_best": 0},
        "hardware": {"device": "cpu", "dtype": "fp32", **hardware},
        "pipeline": list(ENDS),
        "stages": {
            "zero": {"type": "grpo", "start": "base"},
            "data": {
                "type": "rejection_sampling", **data, "start": "zero",
                "keep": {"right": False, "formed": False, "per_prompt": 2},
            },
            "dev1": {
                "type": "sft", "start": "base", "data": ["data"], "steps": 3,
                "sequences_per_step": 4, "final_learning_rate": 0.001,
            },
            "preference": {"type": "reward_model", **data, "least_gap": 1e-9},
            "final": {
                "type": "grpo",
                "reward": {"model": {"path": "stage:preference", "weight": 1.0}},
            },
            "results": {"type": "evaluate", "models": ["base", "zero", "final"]},
        },
    }).config  # fmt: skip


@pytest.fixture(scope="module")
def out(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the worker ran it straight, and cut off at each of LOOKS and resumed."""
    out = tmp_path_factory.mktemp("pipeline")
    config = config_of(tiny_model).model_dump_json()
    done = subprocess.run(
        [sys.executable, str(WORKER), config, str(out), *LOOKS],
        env=environment(DS_ACCELERATOR="cpu"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def of_type(run_dir: Path, kind: type[Any]) -> list[Any]:
    return [event for event in events(run_dir) if isinstance(event, kind)]


def products(run_dir: Path) -> dict[str, str]:
    """SHA-256 of all that the stages have made."""
    files = [*(run_dir / "datasets").glob("*.jsonl")]
    for name in ("zero", "dev1", "preference", "final"):
        weights = checkpoint.path_of(run_dir, ENDS[name]) / "weights"
        files += weights.glob("*.safetensors")
    return {
        str(file.relative_to(run_dir)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def test_stages_begin_and_end_in_order_with_what_they_take_and_leave(out: Path) -> None:
    told_of = of_type(out / "straight", StageEvent)
    assert [(e.stage, e.state) for e in told_of] == [
        (name, state) for name in ENDS for state in ("began", "finished")
    ]
    ended = {event.stage: event for event in told_of if event.state == "finished"}
    assert {name: event.last_step for name, event in ended.items()} == ENDS
    taken = {
        name: [(each.role, each.stage) for each in event.inputs] for name, event in ended.items()
    }
    assert taken == {
        "zero": [("weights", None)],
        "data": [("weights", "zero")],
        "dev1": [("weights", None), ("data", "data")],
        "preference": [("weights", "dev1")],
        "final": [("weights", "dev1"), ("reward_model", "preference")],
        "results": [("model", None), ("model", "zero"), ("model", "final")],
    }
    (data,) = ended["data"].outputs
    file = out / "straight" / data.path
    assert data.rows == len(file.read_text().splitlines()) == 8
    assert data.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    pairs = next(each for each in ended["preference"].outputs if each.role == "data")
    for made in (data, pairs):
        card = json.loads((out / "straight" / made.path).with_suffix(".card.json").read_text())
        assert (card["sha256"], card["rows"]) == (made.sha256, made.rows)
    for event in ended.values():
        for each in (*event.inputs, *event.outputs):
            assert (out / "straight" / each.path).exists()


def test_the_start_is_told_once_and_every_line_bears_its_stage(out: Path) -> None:
    (started,) = of_type(out / "straight", StartedEvent)
    assert (started.start_step, started.total_steps) == (0, ENDS["results"])
    steps = {event.step: event.stage for event in of_type(out / "straight", MetricsEvent)}
    firsts = [0, *list(ENDS.values())[:-1]]
    expected = {
        step: name
        for (name, last), first in zip(ENDS.items(), firsts, strict=True)
        for step in range(first + 1, last + 1)
    }
    assert steps == expected


def test_what_a_stage_leaves_stays_though_only_one_checkpoint_is_kept(out: Path) -> None:
    kept = checkpoint.steps(out / "straight")
    assert kept == [ENDS[name] for name in ("zero", "data", "dev1", "preference", "final")]
    reasons = {event.step: event.reason for event in of_type(out / "straight", CheckpointEvent)}
    assert set(reasons.values()) == {"stage"}


def test_fine_tuning_begins_with_the_base_and_learns(tiny_model: Path, out: Path) -> None:
    losses = [
        event.values["optim/loss"]
        for event in of_type(out / "straight", MetricsEvent)
        if event.stage == "dev1"
    ]
    assert losses[-1] < losses[0]
    tuned = hf.load(checkpoint.path_of(out / "straight", ENDS["dev1"]) / "weights")
    base = hf.load(tiny_model)
    moved = (tuned.embedding.weight - base.embedding.weight).detach().abs().max()
    assert 0 < float(moved) < 0.04  # three steps of Adam at 0.01 and less


def test_the_last_stage_is_rewarded_by_the_model_that_a_stage_made(out: Path) -> None:
    values = [e for e in of_type(out / "straight", MetricsEvent) if e.stage == "final"]
    assert all("reward/model" in event.values for event in values)


def test_an_evaluation_says_of_which_model_it_is(out: Path) -> None:
    found = [e for e in of_type(out / "straight", EvaluationEvent) if e.stage == "results"]
    assert [(event.model, event.step) for event in found] == [
        ("base", 12), ("zero", 13), ("final", 14),
    ]  # fmt: skip


@pytest.mark.parametrize("looks", LOOKS)
def test_a_pipeline_that_was_cut_off_goes_on_as_if_it_had_not_been(out: Path, looks: str) -> None:
    stopped = out / f"stop-{looks}"
    assert products(stopped) == products(out / "straight")
    # An evaluation of several models is done once more; everything else is done once.
    last = {(each["type"], each["step"], each.get("group")): each for each in told(stopped, 0)}
    expected = {
        (each["type"], each["step"], each.get("group")): each for each in told(out / "straight", 0)
    }
    assert last == expected


def test_the_cuts_fall_into_different_stages(out: Path) -> None:
    resumed = {
        event.stage
        for looks in LOOKS
        for event in of_type(out / f"stop-{looks}", StageEvent)
        if event.state == "resumed"
    }
    assert resumed == {"zero", "data", "dev1", "preference", "final"}


def test_two_processes_make_the_same_data_and_resume(tiny_model: Path, tmp_path: Path) -> None:
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    config = config_of(tiny_model, processes=2, zero_stage=2)
    for run_dir in (straight, resumed):
        write_config(run_dir, config)
    result = train(straight)
    assert result.returncode == 0, result.stderr
    for name in ("zero", "data"):
        shutil.copytree(
            checkpoint.path_of(straight, ENDS[name]), checkpoint.path_of(resumed, ENDS[name])
        )
    shutil.copytree(straight / "datasets", resumed / "datasets")
    result = train(resumed)
    assert result.returncode == 0, result.stderr
    assert products(resumed) == products(straight)
    rows = [
        json.loads(row) for row in (straight / "datasets" / "data.jsonl").read_text().splitlines()
    ]
    assert [row["step"] for row in rows] == [3] * 4 + [4] * 4


@pytest.fixture(scope="module")
def shared(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A run whose every stage has less to do than there are processes, by one and by four."""
    found = {}
    for processes in (1, 4):
        found[processes] = tmp_path_factory.mktemp(f"shared-{processes}")
        # A chunk for each completion: see tests/training/distributed/test_alike.py.
        config = config_of(tiny_model, processes=processes, chunk_tokens=1)
        tree = merge(config.model_dump(), {
            "pipeline": ["data", "preference", "dev1", "results"],
            "evaluation": {"problems": 3},
            "stages": {
                "data": {"start": "base"},
                "preference": {"start": "base"},
                "dev1": {"sequences_per_step": 2},
                "results": {"models": ["base", "dev1"]},
            },
        })  # fmt: skip
        write_config(found[processes], RunConfig.model_validate(tree))
        result = train(found[processes])
        assert result.returncode == 0, result.stderr
    return found


def rows_of(run_dir: Path, name: str) -> list[dict[str, Any]]:
    text = (run_dir / "datasets" / f"{name}.jsonl").read_text()
    return [json.loads(row) for row in text.splitlines()]


def test_stages_choose_among_whole_groups_however_many_processes_share_them(
    shared: dict[int, Path],
) -> None:
    assert len(rows_of(shared[1], "data")) == 8
    assert rows_of(shared[1], "preference")
    for name in ("data", "preference"):
        assert rows_of(shared[4], name) == rows_of(shared[1], name)


def test_every_stage_comes_to_the_same_with_more_processes_than_it_has_work_for(
    shared: dict[int, Path],
) -> None:
    for kind, count in (("metrics", 9), ("evaluation", 4)):
        alone, together = (
            [event["values"] for event in told(shared[n], 0) if event["type"] == kind]
            for n in (1, 4)
        )
        assert len(alone) == len(together) == count
        for values, wanted in zip(together, alone, strict=True):
            assert values.keys() == wanted.keys()
            assert values == pytest.approx(wanted, rel=1e-5, abs=1e-6, nan_ok=True)
    for step, file in ((4, "score.safetensors"), (7, "model.safetensors")):
        weights, expected = (
            load_file(checkpoint.path_of(shared[n], step) / "weights" / file) for n in (4, 1)
        )
        for name, weight in expected.items():
            assert relative_difference(weights[name], weight) < RELATIVE[torch.float32], name
            assert weight.any()


def test_a_stage_whose_input_is_gone_says_so(tiny_model: Path, tmp_path: Path, out: Path) -> None:
    shutil.copytree(out / "straight", tmp_path / "run")
    shutil.rmtree(checkpoint.path_of(tmp_path / "run", ENDS["dev1"]))
    shutil.rmtree(checkpoint.path_of(tmp_path / "run", ENDS["final"]))
    (tmp_path / "run" / "config.json").write_text(config_of(tiny_model).model_dump_json())
    result = train(tmp_path / "run", "--resume", str(ENDS["preference"]))
    assert result.returncode == 2
    assert "stages.final.start: the stage dev1 has left no checkpoint" in result.stderr
