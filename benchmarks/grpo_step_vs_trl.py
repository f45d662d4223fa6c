"""Seconds of a whole GRPO step beside TRL's `GRPOTrainer`, on the same weights and prompts.

A step of the preset r1-zero-nano: 128 completions (8 prompts, groups of 16) of up to 64 tokens;
sample, reward, advantages, reference log-probabilities, loss with KL, backward, AdamW. `--model`
takes the shipped base model, or random weights of another size, whose completions all have exactly
64 tokens on both sides. Ours scores with the preset's rewards, TRL with one that costs nothing. TRL
runs in an environment and a process of its own; both run in bf16 and in fp32, and the best of each
are compared. The contenders take turns step by step. Run with the product's environment;
`.venv-bench` comes from requirements/bench.txt:

    .venv/bin/python -m benchmarks.grpo_step_vs_trl --model 30m
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import Turn, compare_best, take_turns, timed
from benchmarks.workload import SIZES, Workload, problems, prompt_of, workload
from training.base_models import find_model
from training.distributed.process import Process
from training.grpo.collect import Collector, Cursor
from training.grpo.portion import Portion
from training.grpo.rollouts import compared
from training.grpo.step import make_minibatch, update
from training.grpo.work import GrpoWork
from training.rewards import RewardPool
from training.rollout import NativeEngine
from training.setup import set_up

LEARNING_RATE = 1e-6
"""So small that the model, and with it the completions' lengths, stays as it is."""


def ours(work: Workload, dtype: str, process: Process, rewards: RewardPool) -> Turn:
    hardware = work.config.hardware.model_copy(update={"dtype": dtype})
    config = work.config.model_copy(update={"hardware": hardware})
    source = find_model(config.model.path)
    setup = set_up(config, config.plan[0], Path(), process, rewards, None, source, None)
    grpo = GrpoWork(setup, lambda *_, **__: None, lambda: False)
    engine, sampler, cursor = grpo.engine, NativeEngine(grpo.engine.policy), Cursor()
    portion = Portion.of(config.grpo, rank=0, world_size=1)
    collector = Collector(config, setup.task, setup.template, setup.tokenizer, rewards, portion)

    if work.fixed_length:
        setup.tokenizer.eos_id = None

    def step() -> None:
        nonlocal cursor
        collection, cursor = collector.collect(sampler, cursor, policy_version=0)
        scale = config.grpo.loss.advantage_scale
        groups = compared(collection.groups, scale, portion, process.sum)
        minibatch = make_minibatch(groups, process.device)
        limit = config.sampling.max_new_tokens
        update(engine, minibatch, grpo.reference, config, LEARNING_RATE, longest=limit)

    return timed(step)


def theirs(python: Path, work: Workload, dtype: str, stack: ExitStack) -> Turn:
    config = work.config
    command = [str(python), "-m", "benchmarks.trl_steps", str(work.model), dtype]
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
    order = {
        "prompts": [prompt_of(problem, config) for problem in problems(config)],
        "group_size": config.grpo.group_size,
        "max_new_tokens": config.sampling.max_new_tokens,
        "kl_coef": config.grpo.kl_coef,
        "clip_eps": config.grpo.loss.clip_eps,
        "learning_rate": LEARNING_RATE,
        "fixed_length": work.fixed_length,
    }
    orders.write(json.dumps(order) + "\n")

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
    parser.add_argument("--model", choices=SIZES, default=SIZES[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trl-python", type=Path, default=Path(".venv-bench/bin/python"))
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    if not arguments.trl_python.exists():
        parser.error(f"--trl-python: {arguments.trl_python} is not there: "
                     "make it with requirements/bench.txt")  # fmt: skip
    with ExitStack() as stack:
        work = stack.enter_context(workload(arguments.model))
        # TRL's processes first: ours leaves its rank in the environment.
        steps = {
            f"TRL {dtype}": theirs(arguments.trl_python, work, dtype, stack)
            for dtype in ("bf16", "fp32")
        }
        process = Process("cpu")
        rewards = stack.enter_context(RewardPool(work.config.task, work.config.reward))
        for dtype in ("bf16", "fp32"):
            steps[f"r1web {dtype}"] = ours(work, dtype, process, rewards)
        seconds = take_turns(steps, arguments.rounds)
    compare_best(seconds, "completions", work.config.completions_per_step, arguments.json)


if __name__ == "__main__":
    main()
