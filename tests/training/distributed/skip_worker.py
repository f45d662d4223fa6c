"""Updates of which the second has a gradient that is not finite, by ZeRO stage.

Called as: skip_worker.py MODEL OUT
"""

import math
import sys
from pathlib import Path

import torch
from torch import Tensor

from training.config import OptimConfig
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.model import hf


def story(engine: Engine, culprit: float) -> dict[str, list[object]]:
    """What each step said, and the weights after it; the second loss is multiplied by `culprit`."""
    told: dict[str, list[object]] = {"skipped": [], "norms": [], "weights": []}
    generator = torch.Generator().manual_seed(0)
    for factor in (1.0, culprit, 1.0):
        tokens_BT = torch.randint(7, 500, (4, 12), generator=generator)
        mask_BT = torch.ones_like(tokens_BT)
        result = engine.logprobs(tokens_BT, mask_BT, mask_BT.bool() & (torch.arange(12) > 0))
        # The bad part is not the last: what it left behind must not spoil the next step either.
        engine.backward(-result.logprobs_BT.mean() * factor, last=False)
        again = engine.logprobs(tokens_BT, mask_BT, mask_BT.bool() & (torch.arange(12) > 0))
        engine.backward(-again.logprobs_BT.mean(), last=True)
        found = engine.step(1e-2)
        told["skipped"].append(found.skipped)
        told["norms"].append(found.grad_norm)
        told["weights"].append(flat(engine))
    return told


def flat(engine: Engine) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in engine.policy.parameters()])


def main() -> None:
    model, out = sys.argv[1:]
    process = Process("cpu")
    told = {}
    for stage in range(4):
        for name, culprit in (("nan", math.nan), ("inf", math.inf)):
            engine = Engine(
                hf.load(model, torch.float32), process, OptimConfig(),
                zero_stage=stage, dtype=torch.float32,
            )  # fmt: skip
            told[stage, name] = story(engine, culprit)
    torch.save(told, Path(out))
    process.close()


if __name__ == "__main__":
    main()
