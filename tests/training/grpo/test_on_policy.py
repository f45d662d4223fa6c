"""What was sampled by the present policy has a ratio of exactly 1, whatever the sampler rounded."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.grpo.plain_engine import PlainEngine
from tests.training.model.random_models import build
from training.config import RunConfig
from training.grpo import loss
from training.grpo.losses.term import PolicyTerm, Tokens
from training.grpo.rollouts import Group
from training.grpo.step import make_minibatch, update, with_old_logprobs
from training.model import ModelConfig
from training.rollout import NativeEngine, Sampling
from training.tasks import Problem

PROMPTS = [[5, 6, 7], [9, 6]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("noted_before", [False, True])
def test_ratios_are_exactly_one_on_policy(
    config: ModelConfig, dtype: torch.dtype, noted_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    term_of = loss.policy_term

    def watch(tokens: Tokens, *rest: Any) -> PolicyTerm:
        seen.append(tokens.log_ratio_BT[tokens.mask_BT].detach())
        return term_of(tokens, *rest)

    monkeypatch.setattr(loss, "policy_term", watch)
    model, size = build(config).to(dtype).train(), 3
    completions = NativeEngine(model).generate(
        PROMPTS, group_size=size, sampling=Sampling(7), seeds=[1, 2], eos_id=None
    )
    groups = [
        Group(Problem("", ""), "", prompt, completions[size * n : size * n + size], [], [],
              [0.7, -1.1, 0.4])
        for n, prompt in enumerate(PROMPTS)
    ]  # fmt: skip
    run = RunConfig.model_validate({
        "grpo": {"prompts_per_step": 2, "group_size": size, "kl_coef": 0},
        "hardware": {"chunk_tokens": 20},
    })  # fmt: skip
    engine: Any = PlainEngine(model)
    if noted_before:
        groups = with_old_logprobs(groups, engine, run, torch.device("cpu"))
    update(engine, make_minibatch(groups, torch.device("cpu")), None, run, 0.0, longest=7)
    assert len(seen) > 1  # chunks
    assert sum(map(len, seen)) == 2 * size * 7
    assert all(not each.any() for each in seen)
