"""The memory calculator against the real loop: every tensor counted, on each rank's process."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch

from tests.training.jobs import environment
from tests.training.rollout.asking import sample
from training.base_models import find_model
from training.config import RunConfig, resolve
from training.config.memory import MemoryEstimate, Model, estimate, shipped_model
from training.config.presets import merge
from training.distributed.launch import free_port
from training.model import hf
from training.model.dtype import best_dtype
from training.rollout import NativeEngine
from training.tasks import build_task, build_template
from training.tokenizer import TextTokenizer

WORKER = Path(__file__).with_name("memory_worker.py")
CLOSE = 0.1
"""What the calculator promises: within 10 % of the measured peak."""


def nano() -> Model:
    model = shipped_model("nano-base")
    assert model is not None
    return model


def preset(**sections: dict[str, Any]) -> RunConfig:
    quiet = {"evaluation": {"every_steps": 0}, "checkpoint": {"every_steps": 1000}}
    hardware = {"device": "cpu"} | sections.pop("hardware", {})
    return resolve("r1-zero-nano", {**quiet, **sections, "hardware": hardware}).config


def measured(config: RunConfig, *arguments: str) -> int:
    """Peak bytes of rank 0 over the whole run, loading included."""
    port = str(free_port())
    with TemporaryDirectory() as run_dir:
        processes = config.hardware.processes
        ranks = [
            subprocess.Popen(
                [sys.executable, str(WORKER), config.model_dump_json(), run_dir, *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env=environment(
                    RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
                    MASTER_ADDR="127.0.0.1", MASTER_PORT=port, DS_ACCELERATOR="cpu",
                ),
            )
            for rank in range(processes)
        ]  # fmt: skip
        answers = [rank.communicate() for rank in ranks]
    assert all(rank.returncode == 0 for rank in ranks), answers
    report = json.loads(answers[0][0].splitlines()[-1])
    return max(report["peaks"].values())


def estimated(config: RunConfig) -> MemoryEstimate:
    dtype = "bf16" if best_dtype() == torch.bfloat16 else "fp32"
    return estimate(config, nano(), device="cpu", dtype=dtype)


def test_the_preset_as_it_is() -> None:
    """Over so many steps that completions as long as nano-base writes them come up."""
    config = preset(grpo={"steps": 10})
    assert estimated(config).peak_bytes == pytest.approx(measured(config), rel=CLOSE)


@pytest.mark.parametrize(
    "sections",
    [
        {"hardware": {"chunk_tokens": 1100}},
        {"hardware": {"processes": 2, "zero_stage": 3, "chunk_tokens": 300}},
        # Each process writes half of a prompt's completions.
        {"hardware": {"processes": 2, "chunk_tokens": 300}, "grpo": {"prompts_per_step": 1}},
    ],
)
def test_completions_that_never_end(sections: dict[str, Any]) -> None:
    """The figure for the longest completions, by taking the end of sequence away."""
    few = {"grpo": {"steps": 2}, "sampling": {"max_new_tokens": 32}}
    config = preset(**merge(few, sections))
    assert estimated(config).most_bytes == pytest.approx(measured(config, "endless"), rel=CLOSE)


def test_nano_base_writes_what_lengths_json_says() -> None:
    path, config = find_model("nano-base"), preset()
    tokenizer, task = TextTokenizer.load(path), build_task(config.task)
    template = build_template(config.task, path)
    prompts = [
        tokenizer.encode_prompt(template(task.training_problem(0, index))) for index in range(32)
    ]
    completions = sample(
        NativeEngine(hf.load(path).eval()),
        prompts,
        group_size=16,
        max_new_tokens=64,
        seed=0,
        eos_id=tokenizer.eos_id,
    )
    lengths = nano().lengths
    assert lengths is not None
    assert {len(prompt) for prompt in prompts} == {lengths.prompt}
    mean = sum(len(each.tokens) for each in completions) / len(completions)
    assert lengths.spread(64)[0] == pytest.approx(mean, rel=0.05)
