"""Seconds of a whole GRPO step beside TRL's `GRPOTrainer`, on the same weights and prompts.

128 completions (8 prompts, groups of 16) of up to 64 tokens: sample, reward, advantages, reference
log-probabilities, loss with KL, backward, AdamW. TRL runs in an environment and a process of its
own, in bf16 and in fp32; the contenders take turns step by step. Run with the product's
environment; `.venv-bench` comes from requirements/bench.txt:

    .venv/bin/python -m benchmarks.grpo_step_vs_trl
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.report import compare
from benchmarks.shapes import GROUP_SIZE, MAX_NEW_TOKENS, NANO, PROMPTS, build_model
from training.base_models import find_model
from training.config import RunConfig
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.grpo.advantage import group_advantages
from training.grpo.rollouts import Group
from training.grpo.step import make_minibatch, update
from training.model import hf
from training.model.dtype import best_dtype
from training.rewards import Reward
from training.rollout import NativeEngine
from training.tasks import TEMPLATES, Problem
from training.tokenizer import TextTokenizer

Step = Callable[[], float]
"""Takes one step and returns its seconds."""


def ours(directory: Path, prompts: list[str]) -> Step:
    tokenizer, process = TextTokenizer.load(directory), Process("cpu")
    config, dtype = RunConfig(), best_dtype()
    model = hf.load(directory, dtype)
    engine = Engine(
        model, process, config.optim, zero_stage=config.hardware.zero_stage, dtype=dtype
    )
    reference = hf.load(directory, dtype).eval().requires_grad_(False)
    sampler = NativeEngine(engine.policy)
    tokens = [tokenizer.encode_prompt(prompt) for prompt in prompts]
    seeds = itertools.count()

    def step() -> float:
        start = time.perf_counter()
        completions = sampler.generate(
            tokens, group_size=GROUP_SIZE, max_new_tokens=MAX_NEW_TOKENS,
            seed=next(seeds), eos_id=tokenizer.eos_id,
        )  # fmt: skip
        groups = []
        for place, prompt in enumerate(prompts):
            members = completions[place * GROUP_SIZE : (place + 1) * GROUP_SIZE]
            totals = [even_share(member.tokens) for member in members]
            rewards = [Reward(total, {"accuracy": total}) for total in totals]
            advantages = group_advantages(torch.tensor([totals], dtype=torch.float64))[0].tolist()
            texts = [tokenizer.decode(member.tokens) for member in members]
            problem = Problem(prompt, "", {})
            groups.append(
                Group(problem, prompt, tokens[place], members, texts, rewards, advantages)
            )
        update(engine, make_minibatch(groups, process.device), reference, config, 1e-6)
        return time.perf_counter() - start

    return step


def even_share(tokens: list[int]) -> float:
    """A reward that costs nothing and differs between completions."""
    return sum(token % 2 == 0 for token in tokens) / len(tokens)


def theirs(python: Path, directory: Path, prompts: list[str], dtype: str, stack: ExitStack) -> Step:
    command = [str(python), "-m", "benchmarks.trl_steps", str(directory), dtype]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    process = stack.enter_context(
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
    )
    stack.callback(process.terminate)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the pipes to TRL's process did not open")
    orders, answers = process.stdin, process.stdout
    orders.write(json.dumps({"prompts": prompts, "group_size": GROUP_SIZE,
                             "max_new_tokens": MAX_NEW_TOKENS}) + "\n")  # fmt: skip

    def step() -> float:
        orders.write("step\n")
        orders.flush()
        for line in answers:
            if line.startswith("step took "):
                return float(line.removeprefix("step took "))
        raise RuntimeError("TRL's process ended before its step did")

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trl-python", type=Path, default=Path(".venv-bench/bin/python"))
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    if not arguments.trl_python.exists():
        parser.error(f"--trl-python: {arguments.trl_python} is not there: "
                     "make it with requirements/bench.txt")  # fmt: skip
    tokenizer_path = find_model("nano-base")
    tokenizer = TextTokenizer.load(tokenizer_path)
    generator = random.Random(0)  # noqa: S311 - sums, not secrets
    numbers = [(generator.randint(10, 99), generator.randint(10, 99)) for _ in range(PROMPTS)]
    prompts = [TEMPLATES["r1"](f"State the final answer to: {a} + {b} =") for a, b in numbers]
    config = replace(NANO, vocab_size=tokenizer.vocab_size, eos_token_id=tokenizer.eos_id,
                     pad_token_id=tokenizer.pad_id)  # fmt: skip
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        hf.save(build_model(config), directory, tokenizer_path)
        # TRL's processes first: ours leaves its rank in the environment.
        steps: dict[str, Step] = {
            f"TRL {dtype}": theirs(arguments.trl_python, directory, prompts, dtype, stack)
            for dtype in ("bf16", "fp32")
        }
        steps["r1web"] = ours(directory, prompts)
        seconds: dict[str, list[float]] = {contender: [] for contender in steps}
        for round_number in range(-1, arguments.rounds):
            for contender, step in steps.items():
                taken = step()
                if round_number >= 0:  # the round before the first warms up
                    seconds[contender].append(taken)
    compare(seconds, "r1web", "completions", PROMPTS * GROUP_SIZE, arguments.json)


if __name__ == "__main__":
    main()
