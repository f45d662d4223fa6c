"""One rank of a job that makes one update on a fixed batch and writes what came out.

Called as: update_worker.py MODEL OUT ZERO_STAGE CHUNK_TOKENS PROMPTS_OF_RANK_0 GRPO (its settings,
as JSON)
"""

import copy
import json
import random
import sys
from pathlib import Path

import torch
from deepspeed.utils import safe_get_full_grad

from training.config import RunConfig
from training.distributed.engine import Engine, StepResult
from training.distributed.process import Process
from training.events import FinishReason
from training.grpo.rollouts import Group
from training.grpo.step import make_minibatch, update
from training.model import hf
from training.model.router import Router
from training.rollout import Completion
from training.tasks import Problem

PROMPTS, GROUP_SIZE = 4, 4


class RecordingEngine(Engine):
    """Keeps the gradients that `step` is about to apply."""

    gradients: list[torch.Tensor]

    def step(self, learning_rate: float) -> StepResult:
        found = [safe_get_full_grad(parameter) for parameter in self.model.parameters()]
        self.gradients = [gradient.clone() for gradient in found]
        return super().step(learning_rate)


def fixed_groups() -> list[Group]:
    """Groups of ragged random completions."""
    rng = random.Random(0)
    groups = []
    for _ in range(PROMPTS):
        members = []
        for _ in range(GROUP_SIZE):
            tokens = [rng.randrange(7, 500) for _ in range(rng.randint(1, 12))]
            reason: FinishReason = "length" if len(tokens) == 12 else "stop"
            members.append(Completion(tokens, [-6.0] * len(tokens), reason))
        prompt = [rng.randrange(7, 500) for _ in range(rng.randint(3, 9))]
        advantages = [rng.uniform(-1, 1) for _ in members]
        groups.append(Group(Problem("", ""), "", prompt, members, [], [], advantages))
    return groups


def main() -> None:
    model_path, out, zero_stage, chunk_tokens, first, grpo = sys.argv[1:]
    config = RunConfig.model_validate(
        {
            "grpo": {
                "prompts_per_step": PROMPTS,
                "group_size": GROUP_SIZE,
                "kl_coef": 0.1,
                **json.loads(grpo),
            },
            "optim": {"balance_loss": 0.1, "mtp_weight": 0.5},
            "hardware": {"chunk_tokens": int(chunk_tokens)},
        }
    )
    process = Process("cpu")
    engine = RecordingEngine(
        hf.load(model_path, torch.float32), process, config.optim,
        zero_stage=int(zero_stage), dtype=torch.float32,
    )  # fmt: skip
    reference = copy.deepcopy(engine.policy).eval().requires_grad_(False)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.mul_(1.1)
    mine = slice(int(first)) if process.is_main else slice(int(first), PROMPTS)
    groups = fixed_groups()[mine]
    before = [parameter.clone() for parameter in engine.policy.parameters()]
    minibatch = make_minibatch(groups, process.device, mask_truncated=config.grpo.mask_truncated)
    result, tally, _ = update(engine, minibatch, reference, config, learning_rate=1e-3, longest=12)
    totals = tally.over_ranks(process)
    engine.balance_experts(0.01)
    routers = [module for module in engine.model.modules() if isinstance(module, Router)]
    biases = process.gather([torch.stack([router.bias_E for router in routers])])
    moved = max(
        float((old - new).abs().max())
        for old, new in zip(before, engine.policy.parameters(), strict=True)
    )
    if process.is_main:
        torch.save(
            {
                "gradients": engine.gradients,
                "sums": totals,
                "all_tokens": int(minibatch.batch.completion_BT.sum()),
                "grad_norm": result.grad_norm,
                "moved": moved,
                "biases": biases,
            },
            Path(out),
        )
    process.close()


if __name__ == "__main__":
    main()
