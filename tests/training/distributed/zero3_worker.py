"""One rank of a job that makes an update of mixture models under ZeRO 3, where the last rank asks
few experts, and writes what came out beside what plain torch makes of all ranks' rows.

Called as: zero3_worker.py OUT MODEL…
"""

import copy
import sys
from pathlib import Path
from typing import Any

import torch
from deepspeed.utils import get_z3_leaf_modules, safe_get_full_grad

from training.config import OptimConfig
from training.distributed.engine import Engine
from training.distributed.process import Process
from training.model import Policy, completion_logprobs, policy

ROWS, LENGTH = 4, 10


def update(model: Policy, process: Process) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    tokens_BT = torch.randint(7, 300, (ROWS, LENGTH), generator=generator)
    tokens_BT[ROWS // 2 :] = 11
    mask_BT = torch.ones_like(tokens_BT)
    batch = (tokens_BT, mask_BT, mask_BT.bool() & (torch.arange(LENGTH) > 0))
    plain = copy.deepcopy(model).train()
    result = completion_logprobs(plain, *batch, 1.0, **_of_ours(plain))
    (-result.logprobs_BT.mean()).backward()
    engine = Engine(model, process, OptimConfig(), zero_stage=3, dtype=torch.float32)
    share = ROWS // process.world_size
    rows = slice(process.rank * share, (process.rank + 1) * share)
    found = engine.logprobs(*(part[rows] for part in batch))
    engine.backward(-found.logprobs_BT.sum() / found.logprobs_BT.numel() / process.world_size,
                    last=True)  # fmt: skip
    gradients = [safe_get_full_grad(parameter).clone() for parameter in engine.model.parameters()]
    engine.step(1e-3)
    return {
        "found": gradients, "wanted": [parameter.grad for parameter in plain.parameters()],
        "leaves": sorted({type(leaf).__name__ for leaf in get_z3_leaf_modules(engine.model)}),
    }  # fmt: skip


def _of_ours(model: Policy) -> dict[str, Any]:
    return {} if isinstance(model, policy.CausalLM) else {"mtp": "off", "balance": False}


def main() -> None:
    out, *models = sys.argv[1:]
    process = Process("cpu")
    told = {}
    for path in models:
        model = policy.load(path, torch.float32)
        if isinstance(model, policy.CausalLM):
            model.network.set_experts_implementation("eager")  # a loop over the experts asked
        told[Path(path).name] = update(model, process)
    if process.is_main:
        torch.save(told, out)
    process.close()


if __name__ == "__main__":
    main()
