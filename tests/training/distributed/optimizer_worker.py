"""Trains with bf16 moments under DeepSpeed, with a break and without one, and writes what came out.

Called as: optimizer_worker.py MODEL OUT ZERO_STAGE…
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.config import OptimConfig
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.model import hf

STEPS, BREAK = 4, 2


def moments(engine: Engine) -> list[Tensor]:
    """The optimiser's state, tensor by tensor."""
    states = engine._adamw.state.values()
    return [state[name].clone() for state in states for name in ("exp_avg", "exp_avg_sq")]


def train(engine: Engine, first: int, last: int) -> list[float]:
    """The norms of the gradients."""
    norms = []
    for step in range(first, last + 1):
        generator = torch.Generator().manual_seed(step)
        tokens_BT = torch.randint(7, 500, (4, 12), generator=generator)
        mask_BT = torch.ones_like(tokens_BT)
        completion_BT = mask_BT.bool() & (torch.arange(12) > 0)
        result = engine.logprobs(tokens_BT, mask_BT, completion_BT)
        engine.backward(-result.logprobs_BT.mean(), last=True)
        norms.append(engine.step(1e-2).grad_norm)
    return norms


def story(model: str, folder: Path, zero_stage: int, process: Process) -> dict[str, Any]:
    def engine() -> Engine:
        optim = OptimConfig(moment_dtype="bf16")
        return Engine(hf.load(model, torch.bfloat16), process, optim,
                      zero_stage=zero_stage, dtype=torch.bfloat16)  # fmt: skip

    straight = engine()
    norms = train(straight, 1, BREAK)
    straight.save(folder)
    train(straight, BREAK + 1, STEPS)
    resumed = engine()
    resumed.load(folder)
    train(resumed, BREAK + 1, STEPS)
    told: dict[str, Any] = {"norms": norms}
    for name, made in (("straight", straight), ("resumed", resumed)):
        weights = [parameter.detach().clone() for parameter in made.policy.parameters()]
        steps = {int(state["step"]) for state in made._adamw.state.values()}
        told[name] = {"weights": weights, "moments": moments(made), "steps": steps}
    return told


def main() -> None:
    model, out, *stages = sys.argv[1:]
    process = Process("cpu")
    told = {
        int(stage): story(model, Path(out) / f"zero-{stage}", int(stage), process)
        for stage in stages
    }
    torch.save(told, Path(out) / "told.pt")
    process.close()


if __name__ == "__main__":
    main()
