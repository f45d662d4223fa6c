"""Write a small run as this commit's trainer leaves it: config, journal and one checkpoint.

`record.py DIRECTORY`. tests/training/test_upgrade.py and tests/r1web/cluster/test_upgrade.py
read such runs, recorded by earlier commits, with the present code. Make one for each release:

    git worktree add /tmp/then COMMIT
    PYTHONPATH=/tmp/then .venv/bin/python tests/recorded/record.py tests/recorded/COMMIT
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from training.base_models import find_model
from training.config import RunConfig
from training.model import ModelConfig, Transformer, hf
from training.tokenizer import TextTokenizer

KEPT_STEP = 2
CONFIG: dict[str, Any] = {
    "grpo": {"steps": 4, "prompts_per_step": 2, "group_size": 2, "kl_coef": 0.0},
    "sampling": {"max_new_tokens": 6},
    "optim": {"learning_rate": 0.01},
    "evaluation": {"every_steps": 2, "problems": 2},
    "checkpoint": {"every_steps": KEPT_STEP},
    "hardware": {"device": "cpu", "dtype": "fp32"},
}


def write_model(path: Path) -> None:
    """Random weights, with every kind of layer, and the base model's tokenizer."""
    base = find_model("nano-base")
    tokenizer = TextTokenizer.load(base)
    shape = ModelConfig(
        vocab_size=512, hidden_size=8, intermediate_size=8, moe_intermediate_size=4,
        num_hidden_layers=2, num_attention_heads=1, kv_lora_rank=4, q_lora_rank=4,
        qk_nope_head_dim=4, qk_rope_head_dim=4, v_head_dim=4, n_routed_experts=4,
        num_experts_per_tok=2, max_position_embeddings=128, initializer_range=0.1,
        tie_word_embeddings=True, bos_token_id=tokenizer.bos_id, eos_token_id=tokenizer.eos_id,
        pad_token_id=tokenizer.pad_id,
    )  # fmt: skip
    torch.manual_seed(0)
    hf.save(Transformer(shape), path, base)


def train(run_dir: Path, model: Path) -> None:
    config = RunConfig.model_validate({**CONFIG, "model": {"path": str(model)}})
    (run_dir / "config.json").write_text(config.model_dump_json(indent=2))
    command = [sys.executable, "-m", "training", "train", "--run-dir", str(run_dir)]
    subprocess.run(command, check=True)


def keep(run_dir: Path, target: Path) -> None:
    """What the tests read, without a path of this machine."""
    target.mkdir(parents=True)
    config = json.loads((run_dir / "config.json").read_text())
    config["model"]["path"] = "the checkpoint's weights"
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copy(run_dir / "events.jsonl", target)
    name = f"checkpoints/step-{KEPT_STEP:06d}"
    shutil.copytree(run_dir / name, target / name)
    leave_out_programs(target / name)


def leave_out_programs(checkpoint: Path) -> None:
    """DeepSpeed lays scripts of its own beside its state, which nobody reads."""
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    for program in checkpoint.rglob("*.py"):
        program.unlink()
        del manifest["files"][str(program.relative_to(checkpoint))]
    (checkpoint / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main(arguments: list[str]) -> int:
    (target,) = arguments
    with tempfile.TemporaryDirectory() as folder:
        run_dir, model = Path(folder, "run"), Path(folder, "model")
        run_dir.mkdir()
        write_model(model)
        train(run_dir, model)
        keep(run_dir, Path(target))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
