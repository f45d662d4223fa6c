"""TRL's side of grpo_step_vs_trl.py: takes a step for each line on stdin and tells its seconds."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

STEPS_AT_MOST = 10_000


class OneByOne(TrainerCallback):
    """Holds each step back until it is asked for."""

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        if not sys.stdin.readline():
            sys.exit(0)
        self.start = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        print(f"step took {time.perf_counter() - self.start}", flush=True)


def even_share(completion_ids: list[list[int]], **_: Any) -> list[float]:
    return [sum(token % 2 == 0 for token in tokens) / len(tokens) for tokens in completion_ids]


def generation_kwargs(work: dict[str, Any]) -> dict[str, int]:
    """Without an end before the last token where the length is fixed."""
    return {"min_new_tokens": work["max_new_tokens"]} if work["fixed_length"] else {}


def main() -> None:
    directory, dtype = sys.argv[1:]
    work = json.loads(sys.stdin.readline())
    batch = len(work["prompts"]) * work["group_size"]
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype={"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]
    )
    with tempfile.TemporaryDirectory() as output:
        config = GRPOConfig(
            output_dir=output, use_cpu=True, bf16=dtype == "bf16", gradient_checkpointing=False,
            per_device_train_batch_size=batch, num_generations=work["group_size"],
            max_completion_length=work["max_new_tokens"], temperature=1.0,
            beta=work["kl_coef"], generation_kwargs=generation_kwargs(work),
            loss_type="grpo", epsilon=work["clip_eps"],
            learning_rate=work["learning_rate"], max_steps=STEPS_AT_MOST,
            logging_steps=STEPS_AT_MOST, save_strategy="no", report_to="none", disable_tqdm=True,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=even_share,
            args=config,
            train_dataset=Dataset.from_dict({"prompt": work["prompts"]}),
            processing_class=AutoTokenizer.from_pretrained(directory, padding_side="left"),
            callbacks=[OneByOne()],
        )
        trainer.train()


if __name__ == "__main__":
    main()
