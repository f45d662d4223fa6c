"""What all benchmarks work on: a model of some size and the problems of `r1-zero-nano`.

Beside the shipped base model there are some of DeepSeek-V3's kind with random weights, written for
the occasion with the base model's tokenizer. Random weights hardly ever end a completion, so theirs
all get the same number of tokens from everybody: `Workload.fixed_length`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from training.base_models import find_model
from training.config import RunConfig, resolve
from training.model import Transformer, hf
from training.tasks import Problem, build_task, build_template

BASE = find_model("nano-base")

SHAPES = {
    "3.8m": {
        "hidden_size": 256, "intermediate_size": 512, "moe_intermediate_size": 96,
        "num_hidden_layers": 5, "q_lora_rank": 96,
    },
    "30m": {
        "hidden_size": 512, "intermediate_size": 1536, "moe_intermediate_size": 192,
        "num_hidden_layers": 6, "num_attention_heads": 8, "q_lora_rank": 256, "kv_lora_rank": 128,
        "n_routed_experts": 16, "num_experts_per_tok": 4,
    },
    "latent-512": {
        "hidden_size": 256, "intermediate_size": 512, "moe_intermediate_size": 96,
        "num_hidden_layers": 5, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128,
    },
}  # fmt: skip
"""Where they differ from nano-base's shape: 3.75 and 30.7 million parameters, and one with the
latents of DeepSeek's own models."""
SIZES = ("nano-base", *SHAPES)


@dataclass(frozen=True)
class Workload:
    """A model and what is asked of it."""

    model: Path
    config: RunConfig
    fixed_length: bool
    """Whether a completion goes on to `sampling.max_new_tokens` whatever it says."""


@contextmanager
def workload(size: str) -> Iterator[Workload]:
    """The preset with the model of this size, one of `SIZES`."""
    config = run_config()
    if size == BASE.name:
        yield Workload(BASE, config, fixed_length=False)
        return
    with TemporaryDirectory(prefix="r1web-bench-") as scratch:
        path = Path(scratch)
        write_random_model(size, path)
        start = config.model.model_copy(update={"path": scratch})
        yield Workload(path, config.model_copy(update={"model": start}), fixed_length=True)


def write_random_model(size: str, path: Path) -> None:
    """A Hugging Face directory in bf16 with nano-base's tokenizer."""
    torch.manual_seed(0)
    model = Transformer(replace(hf.load(BASE).config, **SHAPES[size], initializer_range=0.02))
    hf.save(model.bfloat16(), path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(BASE / name, path / name)


def run_config() -> RunConfig:
    """The preset: 8 prompts, groups of 16, completions of up to 64 tokens, KL to a reference."""
    return resolve("r1-zero-nano", {}).config


def problems(config: RunConfig) -> list[Problem]:
    task = build_task(config.task)
    return [task.training_problem(0, index) for index in range(config.grpo.prompts_per_step)]


def prompt_of(problem: Problem, config: RunConfig) -> str:
    return build_template(config.task, find_model(config.model.path))(problem)
