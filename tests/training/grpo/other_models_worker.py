"""Runs a tiny Llama in one process, as DeepSpeed wants it, and writes what came out.

Called as: other_models_worker.py OUT
"""

import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tests.training.jobs import write_config
from tests.training.other_models import network
from training import checkpoint
from training.batch import make_batch
from training.cli import job
from training.cli.display import Lines
from training.cli.errors import UserError
from training.config import OptimConfig, RunConfig
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.journal import Journal
from training.model import policy
from training.model.causal_lm import CausalLM
from training.stopping import StopRequest
from training.tasks.template import r1_prompt
from training.tokenizer import TextTokenizer, train


def texts(count: int) -> Iterator[tuple[str, str]]:
    """Prompts, and answers of the right form."""
    rng = random.Random(0)
    for _ in range(count):
        a, b = rng.randrange(10, 100), rng.randrange(10, 100)
        question = f"State the final answer to the following arithmetic problem: {a} + {b} ="
        yield r1_prompt(question), f" <think>{a}</think> <answer>{rng.randrange(10)}</answer>"


def make_model(path: Path, **changes: Any) -> None:
    """A tiny Llama that has half learnt the form, so that rewards differ."""
    pairs = list(texts(64))
    tokenizer = train((prompt + answer for prompt, answer in pairs), 320)
    shape = {"eos_token_id": tokenizer.eos_id, "max_position_embeddings": 192, **changes}
    learner = CausalLM(network("llama", **shape))
    batch = make_batch(
        [tokenizer.encode_prompt(prompt) for prompt, _ in pairs],
        [[*tokenizer.encode(answer), tokenizer.eos_id] for _, answer in pairs],
        torch.device("cpu"),
    )
    adam = torch.optim.AdamW(learner.parameters(), lr=1e-2)
    for _ in range(60):
        inputs = (batch.tokens_BT, batch.mask_BT, batch.completion_BT)
        loss = -learner.completion_logprobs(*inputs).logprobs_BT.sum() / batch.completion_BT.sum()
        loss.backward()
        adam.step()
        adam.zero_grad()
    policy.save(learner, path)
    tokenizer.save(path)


def run(model: Path, run_dir: Path, max_new_tokens: int = 16) -> None:
    config = RunConfig.model_validate(
        {
            "seed": 0,  # with which both steps have groups of unequal rewards
            "model": {"path": str(model)},
            "grpo": {"steps": 2, "prompts_per_step": 2, "group_size": 8, "kl_coef": 0.1},
            "sampling": {"max_new_tokens": max_new_tokens},
            "optim": {"learning_rate": 0.01},
            "evaluation": {"every_steps": 2, "problems": 4},
            "checkpoint": {"every_steps": 1},
            "hardware": {"device": "cpu", "dtype": "fp32", "chunk_tokens": 300},
        }
    )
    write_config(run_dir, config)
    journal = Journal(run_dir, stage="grpo")
    with (run_dir / "said").open("w") as said:
        job.run(
            config=config, run_dir=run_dir, resume="latest", journal=journal, stop=StopRequest(),
            display=Lines(2, said), enter=lambda _: None,
        )  # fmt: skip


def refusal(model: Path, run_dir: Path, **more: int) -> str:
    try:
        run(model, run_dir, **more)
    except UserError as error:
        return str(error)
    return "nothing"


def updates(model: Path, process: Process) -> list[dict[str, Any]]:
    """The same first update by plain torch and by each of DeepSpeed's stages."""
    tokenizer = TextTokenizer.load(model)
    rows = [tokenizer.encode(text) for _, text in texts(4)]
    batch = make_batch([row[:2] for row in rows], [row[2:] for row in rows], process.device)
    inputs: tuple[Any, ...] = (batch.tokens_BT, batch.mask_BT, batch.completion_BT)
    plain = policy.load(model, torch.float32)
    policy.completion_logprobs(plain, *inputs).logprobs_BT.sum().backward()
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in plain.parameters()])
    weights = [
        parameter.detach() - 1e-3 * parameter.grad / (parameter.grad.abs() + 1e-8)  # Adam's first
        for parameter in plain.parameters()
    ]
    found = [{"norm": float(norm), "weights": weights}]
    for stage in range(4):
        engine = Engine(
            policy.load(model, torch.float32), process, OptimConfig(grad_clip=1e9),
            zero_stage=stage, dtype=torch.float32,
        )  # fmt: skip
        engine.backward(engine.logprobs(*inputs).logprobs_BT.sum(), last=True)
        result = engine.step(1e-3)
        weights = [parameter.detach().clone() for parameter in engine.policy.parameters()]
        found.append({"norm": result.grad_norm, "weights": weights})
    return found


def buffers_in_bf16(model: Path, process: Process) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Buffers as transformers loads them, and under an engine that trains in bf16."""
    loaded = policy.load(model, torch.bfloat16)
    exact = [buffer.clone() for buffer in loaded.buffers()]
    optim = OptimConfig()
    engine = Engine(loaded, process, optim, zero_stage=1, dtype=torch.bfloat16)
    assert next(engine.policy.parameters()).dtype == torch.bfloat16
    return list(zip(exact, engine.policy.buffers(), strict=True))


def main() -> None:
    out = Path(sys.argv[1])
    process = Process("cpu")
    job.Process = lambda *_: process  # DeepSpeed's groups live as long as the interpreter
    process.close = lambda: None
    make_model(out / "model")
    run(out / "model", out / "whole")
    shutil.copytree(checkpoint.path_of(out / "whole", 1), checkpoint.path_of(out / "resumed", 1))
    run(out / "model", out / "resumed")
    network("llama", vocab_size=100).save_pretrained(out / "small")
    TextTokenizer.load(out / "model").save(out / "small")
    torch.save(
        {
            "few tokens": refusal(out / "small", out / "refused"),
            "few positions": refusal(out / "model", out / "refused too", max_new_tokens=150),
            "updates": updates(out / "model", process),
            "buffers": buffers_in_bf16(out / "model", process),
        },
        out / "results.pt",
    )


if __name__ == "__main__":
    main()
