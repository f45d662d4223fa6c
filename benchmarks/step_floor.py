"""Where the time of a GRPO step goes, against the floor that matrix rate and memory set.

The same step as grpo_step_vs_trl.py, phase by phase. In the same run this machine's rate of matrix
products and its memory bandwidth are measured; the step's products are counted (by torch's flop
counter), and so are the bytes that AdamW has to move. A phase's floor is what its products or its
bytes would take at those rates: what it takes beyond that are passes over activations between the
products, small products that do not reach the rate, and the calling of operations. Rewards are
computed while others are still sampled.

    .venv/bin/python -m benchmarks.step_floor --model 30m
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import machine
from benchmarks.workload import SIZES, Workload, workload
from training.base_models import find_model
from training.distributed.process import Process
from training.grpo.collect import Collector, Cursor
from training.grpo.portion import Portion
from training.grpo.rollouts import compared
from training.grpo.step import make_minibatch
from training.grpo.work import GrpoWork
from training.model import completion_logprobs
from training.model.dtype import best_dtype
from training.rewards import RewardPool
from training.rollout import NativeEngine
from training.setup import set_up

SIDE = 2048
"""Of the square matrices that the rate of products is measured with."""
COPIED = 1 << 28
"""Bytes that the bandwidth of memory is measured with: more than any cache."""
ADAM_BYTES = 32
"""Of each weight in bf16 training: the gradient read in bf16, widened to fp32 (written), master and
moments read and written in fp32, the weight written in bf16: 2 + 4 + 24 + 2."""

Phases = dict[str, Callable[[], object]]
"""One step, in order; each phase works on what the one before left."""


def fastest(work: Callable[[], object], times: int = 7) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def rates() -> dict[str, float]:
    """Matrix products in FLOP/s by dtype, and memory in bytes/s (read and written)."""
    found = {}
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        square = torch.randn(SIDE, SIDE).to(dtype)
        found[name] = 2 * SIDE**3 / fastest(lambda x=square: x @ x)
    source, target = torch.zeros(COPIED, dtype=torch.uint8), torch.zeros(COPIED, dtype=torch.uint8)
    found["memory"] = 2 * COPIED / fastest(lambda: target.copy_(source))
    return found


def step_of(work: Workload, process: Process, rewards: RewardPool) -> tuple[Phases, int]:
    """The phases of a step, and how many weights the model has."""
    config = work.config
    source = find_model(config.model.path)
    setup = set_up(config, config.plan[0], Path(), process, rewards, None, source, None)
    grpo = GrpoWork(setup, lambda *_, **__: None, lambda: False)
    engine, sampler = grpo.engine, NativeEngine(grpo.engine.policy)
    portion = Portion.of(config.grpo, rank=0, world_size=1)
    collector = Collector(config, setup.task, setup.template, setup.tokenizer, rewards, portion)
    if work.fixed_length:
        setup.tokenizer.eos_id = None
    left: dict[str, Any] = {}

    def collect() -> None:
        collection, _ = collector.collect(sampler, Cursor(), policy_version=0)
        scale = config.grpo.loss.advantage_scale
        groups = compared(collection.groups, scale, portion, process.sum)
        batch = make_minibatch(groups, process.device).batch
        temperature = config.sampling.temperature
        left["inputs"] = (batch.tokens_BT, batch.mask_BT, batch.completion_BT, temperature)

    def reference() -> None:
        with torch.no_grad():
            completion_logprobs(grpo.reference, *left["inputs"])

    def forward() -> None:
        left["logprobs_BT"] = engine.logprobs(*left["inputs"]).logprobs_BT

    def backward() -> None:
        engine.backward(left.pop("logprobs_BT").mean(), last=True)

    phases: Phases = {
        "sample, reward": collect, "reference": reference, "forward": forward,
        "backward": backward, "optimiser": lambda: engine.step(1e-6),
    }  # fmt: skip
    return phases, sum(weight.numel() for weight in engine.policy.parameters())


def count(phases: Phases) -> dict[str, float]:
    """FLOP of each phase's matrix products; in one thread, which is all that the counter sees."""
    threads, found = torch.get_num_threads(), {}
    torch.set_num_threads(1)
    for name, phase in phases.items():
        with FlopCounterMode(display=False) as counter:
            phase()
        found[name] = float(counter.get_total_flops())
    torch.set_num_threads(threads)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", choices=SIZES, default=SIZES[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    with workload(arguments.model) as work:
        process = Process("cpu")
        with RewardPool(work.config.task, work.config.reward) as rewards:
            phases, weights = step_of(work, process, rewards)
            flops, seconds = count(phases), {name: list[float]() for name in phases}
            for _ in range(arguments.rounds):
                for name, phase in phases.items():
                    start = time.perf_counter()
                    phase()
                    seconds[name].append(time.perf_counter() - start)
    dtype, measured = "bf16" if best_dtype() == torch.bfloat16 else "fp32", rates()
    rows = {}
    for name in phases:
        moved = ADAM_BYTES * weights if name == "optimiser" else 0
        floor = flops[name] / measured[dtype] + moved / measured["memory"]
        rows[name] = {"seconds": median(seconds[name]), "floor": floor, "gflop": flops[name] / 1e9}
    print(
        f"{dtype} {measured[dtype] / 1e9:,.0f} GFLOP/s, memory {measured['memory'] / 1e9:.1f} GB/s"
    )
    print(f"{'':16}{'seconds':>10}{'floor':>10}{'times':>8}{'GFLOP':>10}")
    for name, row in rows.items():
        times = f"{row['seconds'] / row['floor']:8.1f}" if row["floor"] else f"{'':8}"
        print(f"{name:16}{row['seconds']:10.3f}{row['floor']:10.3f}{times}{row['gflop']:10.1f}")
    if arguments.json is not None:
        result = {"machine": machine(), "rates": measured, "dtype": dtype, "phases": rows}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
