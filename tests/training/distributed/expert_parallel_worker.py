"""One rank of a job that takes three steps on fixed batches, with a break after the first and
without one, and writes what came out.

Called as: expert_parallel_worker.py MODEL OUT EXPERT_RANKS ZERO_STAGE:DTYPE…
"""

import sys
from pathlib import Path
from typing import Any

import torch
from deepspeed.utils import safe_get_full_grad
from torch import Tensor

from training.config import OptimConfig
from training.distributed import expert_parallel
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.model import expert_counts, hf
from training.model.fp8 import to_fp8
from training.model.router import Router

STEPS, BREAK, ROWS = 3, 1, 8


def batch(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of all ranks. In the first step each of the last four is one token again and again, so
    that the rank that has them needs few experts; two alike stay together, as they share a prompt,
    which is computed once."""
    generator = torch.Generator().manual_seed(step)
    tokens_BT = torch.randint(7, 500, (ROWS, 12), generator=generator)
    if step == 1:
        tokens_BT[4:6], tokens_BT[6:8] = 11, 12
    mask_BT = torch.ones_like(tokens_BT)
    return tokens_BT, mask_BT, mask_BT.bool() & (torch.arange(12) > 0)


def gradients(engine: Engine, process: Process) -> dict[str, Tensor]:
    """All gradients that a step is about to apply, experts' put together again."""
    found = {}
    for name, parameter in engine.model.named_parameters():
        mine = safe_get_full_grad(parameter)
        parts = process.gather([mine.clone()])
        if parts and expert_parallel.is_shared_out(parameter):
            found[name] = torch.cat(parts[: engine._expert_ranks])
        elif parts:
            found[name] = parts[0]
    return found


def backward(engine: Engine, whole: tuple[Tensor, ...], rows: slice, *, uneven: bool) -> Tensor:
    """Log-probabilities of the rank's rows; with `uneven`, of two parts, of which odd ranks have
    rows for the second only."""
    tokens_BT, mask_BT, completion_BT = (part[rows] for part in whole)
    inputs = (tokens_BT, mask_BT, completion_BT)
    if uneven and engine.process.rank % 2:
        engine.take_part(*inputs, 1.0, mtp="off", balance=False, last=False)
    halves = uneven and engine.process.rank % 2 == 0
    size = len(tokens_BT) // (2 if halves else 1)
    found = []
    for start in range(0, len(tokens_BT), size):
        result = engine.logprobs(*(part[start : start + size] for part in inputs))
        last = start + size == len(tokens_BT)
        engine.backward(-result.logprobs_BT.sum() / (11 * ROWS), last=last)
        found.append(result.logprobs_BT.detach())
    return torch.cat(found)


def train(engine: Engine, process: Process, first: int, last: int) -> list[dict[str, Any]]:
    told = []
    share = ROWS // process.world_size
    rows = slice(process.rank * share, (process.rank + 1) * share)
    for step in range(first, last + 1):
        logprobs = backward(engine, batch(step), rows, uneven=step == STEPS)
        found = gradients(engine, process)
        norm = engine.step(1e-3).grad_norm
        asked = process.gather([expert_counts(engine.model)])
        counts_LE = engine.balance_experts(0.01)
        told.append({
            "logprobs": process.gather(list(logprobs)), "gradients": found,
            "norm": norm, "counts": counts_LE, "asked": asked,
        })  # fmt: skip
    return told


def biases(engine: Engine) -> Tensor:
    routers = [module for module in engine.model.modules() if isinstance(module, Router)]
    return torch.stack([router.bias_E.clone() for router in routers])


def state(engine: Engine) -> list[Tensor]:
    """Weights as sampled from, and this rank's moments."""
    weights = [parameter.detach().clone() for parameter in engine.policy.parameters()]
    states = engine._adamw.state.values()
    return weights + [s[name].clone() for s in states for name in ("exp_avg", "exp_avg_sq")]


def story(model: str, folder: Path, ranks: int, case: str, process: Process) -> dict[str, Any]:
    stage, kind = case.split(":")
    dtype = torch.float32 if kind == "fp32" else torch.bfloat16

    def engine() -> Engine:
        policy = hf.load(model, dtype)
        if kind == "fp8":
            to_fp8(policy)
        optim = OptimConfig(grad_clip=0.05)  # far below the norm: the clipping is tested, too
        return Engine(
            policy, process, optim, zero_stage=int(stage), dtype=dtype, expert_ranks=ranks
        )

    straight = engine()
    steps = train(straight, process, 1, BREAK)
    straight.save(folder)
    process.barrier()
    steps += train(straight, process, BREAK + 1, STEPS)
    resumed = engine()
    resumed.load(folder)
    train(resumed, process, BREAK + 1, STEPS)
    pairs = zip(state(straight), state(resumed), strict=True)
    exact = process.gather([all(torch.equal(one, other) for one, other in pairs)])
    return {
        "steps": steps, "resumed_exactly": exact, "biases": process.gather([biases(straight)]),
        "weights": {n: p.detach() for n, p in straight.policy.named_parameters()},
        "held": sum(p.numel() for p in straight.model.parameters()),
    }  # fmt: skip


def main() -> None:
    model, out, ranks, *cases = sys.argv[1:]
    process = Process("cpu")
    folder = Path(out)
    told = {
        case: story(model, folder / case.replace(":", "-"), int(ranks), case, process)
        for case in cases
    }
    if process.is_main:
        torch.save(told, folder / "told.pt")
    process.close()


if __name__ == "__main__":
    main()
