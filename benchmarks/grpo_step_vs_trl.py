"""Seconds of a whole GRPO step beside TRL's `GRPOTrainer`, on the same weights and prompts.

A step of the preset r1-zero-nano on the shipped base model: 128 completions (8 prompts, groups of
16) of up to 64 tokens; sample, reward, advantages, reference log-probabilities, loss with KL,
backward, AdamW. Ours scores with the preset's rewards, TRL with one that costs nothing. TRL runs
in an environment and a process of its own, in bf16 and in fp32; the contenders take turns step by
step. Run with the product's environment; `.venv-bench` comes from requirements/bench.txt:

    .venv/bin/python -m benchmarks.grpo_step_vs_trl
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import compare
from benchmarks.workload import BASE, problems, prompt_of, run_config
from training.config import RunConfig
from training.distributed.process import Process
from training.grpo.rollouts import compared, score_groups
from training.grpo.setup import set_up
from training.grpo.step import make_minibatch, update
from training.rewards import RewardPool
from training.rollout import NativeEngine, Sampling

LEARNING_RATE = 1e-6
"""So small that the model, and with it the completions' lengths, stays as it is."""

Step = Callable[[], float]
"""Takes one step and returns its seconds."""


def ours(config: RunConfig, stack: ExitStack) -> Step:
    process = Process("cpu")
    rewards = stack.enter_context(RewardPool(config.task, config.reward))
    setup = set_up(config, Path(), process, rewards, None)
    engine, tokenizer = setup.engine, setup.tokenizer
    sampler, seeds, asked = NativeEngine(engine.policy), itertools.count(), problems(config)
    prompts = [prompt_of(problem, config) for problem in asked]

    def step() -> float:
        start = time.perf_counter()
        completions = sampler.generate(
            [tokenizer.encode_prompt(prompt) for prompt in prompts],
            group_size=config.grpo.group_size, sampling=Sampling.of(config.sampling, 1),
            seeds=[next(seeds) for _ in prompts], eos_id=tokenizer.eos_id,
        )  # fmt: skip
        groups = score_groups(
            asked, prompts, completions,
            pool=rewards, tokenizer=tokenizer, max_tokens=config.sampling.max_new_tokens,
        )  # fmt: skip
        groups = compared(groups, config.grpo.loss.advantage_scale, process.sum)
        minibatch = make_minibatch(groups, process.device)
        limit = config.sampling.max_new_tokens
        update(engine, minibatch, setup.reference, config, LEARNING_RATE, longest=limit)
        return time.perf_counter() - start

    return step


def theirs(python: Path, config: RunConfig, dtype: str, stack: ExitStack) -> Step:
    command = [str(python), "-m", "benchmarks.trl_steps", str(BASE), dtype]
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
    work = {
        "prompts": [prompt_of(problem, config) for problem in problems(config)],
        "group_size": config.grpo.group_size,
        "max_new_tokens": config.sampling.max_new_tokens,
        "kl_coef": config.grpo.kl_coef,
        "clip_eps": config.grpo.loss.clip_eps,
        "learning_rate": LEARNING_RATE,
    }
    orders.write(json.dumps(work) + "\n")

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
    config = run_config()
    with ExitStack() as stack:
        # TRL's processes first: ours leaves its rank in the environment.
        steps = {
            f"TRL {dtype}": theirs(arguments.trl_python, config, dtype, stack)
            for dtype in ("bf16", "fp32")
        }
        steps["r1web"] = ours(config, stack)
        seconds: dict[str, list[float]] = {contender: [] for contender in steps}
        for round_number in range(-1, arguments.rounds):
            for contender, step in steps.items():
                taken = step()
                if round_number >= 0:  # the round before the first warms up
                    seconds[contender].append(taken)
    compare(seconds, "r1web", "completions", config.completions_per_step, arguments.json)


if __name__ == "__main__":
    main()
