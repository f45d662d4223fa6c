"""Completions with their log-probabilities, for tests of the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from training.config import GrpoConfig
from training.grpo.aggregation import Whole
from training.grpo.loss import Scored, part_loss
from training.grpo.tally import Tally

VARIANTS = ["grpo", "dr_grpo", "dapo", "gspo", "cispo"]
AGGREGATIONS = ["sequence", "token", "constant"]
LENGTHS = [5, 1, 3, 4]
LONGEST = 6
_CONFIG = TypeAdapter(GrpoConfig)


def grpo_config(variant: str, **settings: Any) -> GrpoConfig:
    """Clips near enough to 1 that `scored` goes beyond them; settings of the loss by their name."""
    narrow: dict[str, Any] = {"gspo": {"clip_eps_low": 0.1, "clip_eps_high": 0.15}}
    narrow |= {"grpo": {"clip_eps": 0.2}, "cispo": {"weight_max": 1.3}}
    loss = {"type": variant, **narrow.get(variant, {})}
    for name in ("aggregation", "advantage_scale"):
        if name in settings:
            loss[name] = settings.pop(name)
    return _CONFIG.validate_python({"loss": loss, "kl_coef": 0.3, **settings})


def scored(lengths: list[int] | None = None, *, seed: int = 0) -> Scored:
    """fp64; ratios on both sides of 1, advantages of both signs."""
    lengths = LENGTHS if lengths is None else lengths
    generator = torch.Generator().manual_seed(seed)
    rows, time = len(lengths), max(lengths)

    def draw() -> Tensor:
        return torch.rand(rows, time, dtype=torch.float64, generator=generator)

    logprobs_BT = -3 * draw()
    old_BT = logprobs_BT + draw() - 0.5
    return Scored(
        logprobs_BT=logprobs_BT,
        old_BT=old_BT,
        sampled_BT=old_BT + draw() - 0.5,
        ref_BT=-3 * draw(),
        advantages_B=torch.randn(rows, dtype=torch.float64, generator=generator),
        mask_BT=torch.arange(time) < torch.tensor(lengths)[:, None],
    )


def rows_of(whole: Scored, rows: slice) -> Scored:
    """Some of the completions."""
    ref_BT = None if whole.ref_BT is None else whole.ref_BT[rows]
    return Scored(
        whole.logprobs_BT[rows], whole.old_BT[rows], whole.sampled_BT[rows], ref_BT,
        whole.advantages_B[rows], whole.mask_BT[rows],
    )  # fmt: skip


def size_of(all_of_it: Scored) -> Whole:
    return Whole(len(all_of_it.mask_BT), int(all_of_it.mask_BT.sum()), LONGEST)


def loss_and_gradient(
    part: Scored, config: GrpoConfig, whole: Whole | None = None
) -> tuple[Tensor, Tensor, Tally]:
    """With the gradient to the log-probabilities."""
    logprobs_BT = part.logprobs_BT.clone().requires_grad_()
    loss, tally = part_loss(replace(part, logprobs_BT=logprobs_BT), config, whole or size_of(part))
    loss.backward()
    assert logprobs_BT.grad is not None
    return loss.detach(), logprobs_BT.grad, tally
