"""Routing replay: the experts chosen when sampling are those that train."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.model.random_models import build
from tests.training.other_models import network
from tests.training.rollout.asking import sample
from training.batch import Batch, make_batch
from training.model import ModelConfig, Transformer, completion_logprobs
from training.model.causal_lm import CausalLM
from training.model.router import Router
from training.rollout import Carry, Completion, NativeEngine, Sampling
from training.rollout.engine import SamplingError
from training.rollout.transformers_engine import TransformersEngine

PROMPTS = [[5, 6, 7, 8], [9], list(range(70))]
GROUP = 4
ASKED: dict[str, Any] = {
    "group_size": GROUP, "max_new_tokens": 30, "temperature": 1.5, "seed": 2, "eos_id": 3,
    "routing_replay": True,
}  # fmt: skip


def columns(config: ModelConfig) -> NativeEngine:
    return NativeEngine(build(config).bfloat16())


def pages(config: ModelConfig) -> NativeEngine:
    engine = columns(config)
    engine.paged = True
    return engine


def guessing(config: ModelConfig) -> NativeEngine:
    model = build(replace(config, num_nextn_predict_layers=1)).bfloat16()
    return NativeEngine(model, speculative=True)


def batch_of(completions: list[Completion]) -> Batch:
    prompts = [prompt for prompt in PROMPTS for _ in range(GROUP)]
    experts = [each.experts for each in completions if each.experts is not None]
    return make_batch(prompts, [each.tokens for each in completions], torch.device("cpu"), experts)


def chosen_in_training(model: Transformer, batch: Batch, *, replay: bool) -> Tensor:
    """The experts that each token met in the training forward, sorted [tokens, L, K], and -1 at
    each sequence's last."""
    seen: list[Tensor] = []
    hooks = [
        router.register_forward_hook(lambda _, __, chosen: seen.append(chosen[0]))
        for router in model.blocks.modules()
        if isinstance(router, Router)
    ]
    kept: dict[str, Any] = {}
    forward = Transformer.forward

    def watching(itself: Transformer, tokens: Any, *rest: Any, **more: Any) -> Tensor:
        kept["packed"] = tokens
        return forward(itself, tokens, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transformer, "forward", watching)
        completion_logprobs(
            model, batch.tokens_BT, batch.mask_BT, batch.completion_BT,
            experts_BTLK=batch.experts_BTLK if replay else None,
        )  # fmt: skip
    for hook in hooks:
        hook.remove()
    experts_NLK = torch.stack(seen, 1)
    rows_BT = kept["packed"].rows_BT[:, : batch.tokens_BT.shape[1]]
    return experts_NLK[rows_BT].sort(-1).values


@pytest.mark.parametrize("engine_of", [columns, pages, guessing])
@pytest.mark.parametrize("slots", [None, 5])
def test_training_takes_the_experts_that_sampling_took(
    config: ModelConfig, engine_of: Callable[[ModelConfig], NativeEngine], slots: int | None
) -> None:
    """In bf16, where decoding and the training forward round differently."""
    engine = engine_of(config)
    completions = sample(engine, PROMPTS, max_sequences=slots, **ASKED)
    for number, each in enumerate(completions):
        assert each.experts is not None
        assert len(each.experts) == len(PROMPTS[number // GROUP]) + len(each.tokens) - 1
    batch = batch_of(completions)
    assert batch.experts_BTLK is not None
    known_BT = batch.experts_BTLK[..., 0, 0] >= 0
    recorded = batch.experts_BTLK.long().sort(-1).values[known_BT]
    replayed = chosen_in_training(engine.model, batch, replay=True)[known_BT]
    assert torch.equal(replayed, recorded)
    free = chosen_in_training(engine.model, batch, replay=False)[known_BT]
    assert 0.8 < (free == recorded).all(-1).float().mean() < 1


def test_in_fp32_the_training_forward_chooses_the_same_anyway(config: ModelConfig) -> None:
    """So what is recorded stands at the right tokens; the order of equals alone may differ."""
    model = build(config)
    completions = sample(NativeEngine(model), PROMPTS, **ASKED)
    batch = batch_of(completions)
    assert batch.experts_BTLK is not None
    known_BT = batch.experts_BTLK[..., 0, 0] >= 0
    free = chosen_in_training(model, batch, replay=False)[known_BT]
    assert torch.equal(free, batch.experts_BTLK.long().sort(-1).values[known_BT])
    inputs = (model, batch.tokens_BT, batch.mask_BT, batch.completion_BT)
    replayed = completion_logprobs(*inputs, experts_BTLK=batch.experts_BTLK).logprobs_BT
    expected = completion_logprobs(*inputs).logprobs_BT
    torch.testing.assert_close(replayed, expected, atol=1e-5, rtol=0)


def test_a_token_may_choose_for_itself_and_gates_follow_the_scores(config: ModelConfig) -> None:
    router = build(config).blocks[1].feed_forward.router
    x_ND = torch.randn(9, config.hidden_size, generator=torch.Generator().manual_seed(0))
    experts_NK, gates_NK = router(x_ND)
    none_NK = torch.full_like(experts_NK, -1).short()
    same_NK, same_gates_NK = router(x_ND, replayed_NK=none_NK)
    assert torch.equal(same_NK, experts_NK)
    assert torch.equal(same_gates_NK, gates_NK)
    other_NK = experts_NK.flip(-1).short()
    found_NK, found_gates_NK = router(x_ND, replayed_NK=other_NK)
    assert torch.equal(found_NK, other_NK.long())
    torch.testing.assert_close(found_gates_NK, gates_NK.flip(-1))


def test_what_goes_on_after_a_break_tells_the_experts_of_all_its_tokens(
    config: ModelConfig,
) -> None:
    engine = NativeEngine(build(config))

    def write(**more: Any) -> list[Completion]:
        return engine.generate(
            PROMPTS, group_size=GROUP, sampling=Sampling(30, routing_replay=True),
            seeds=[1, 2, 3], eos_id=3, **more,
        )  # fmt: skip

    whole, first = write(), write(carry=Carry(leave=11))
    begun = {n: each for n, each in enumerate(first) if each.finish_reason == "unfinished"}
    assert begun
    for mine, its in zip(write(carry=Carry(begun=begun)), whole, strict=True):
        assert mine.experts is not None
        assert its.experts is not None
        assert sorted(mine.experts[-1, 0]) == sorted(its.experts[-1, 0])
        assert mine.experts.shape == its.experts.shape
        assert (mine.experts == its.experts).mean() > 0.9  # an order of equals may differ


def test_without_it_nothing_is_noted(config: ModelConfig) -> None:
    completions = sample(NativeEngine(build(config)), PROMPTS, **{**ASKED, "routing_replay": False})
    assert all(each.experts is None for each in completions)


def test_models_that_do_not_tell_are_refused() -> None:
    engine = TransformersEngine(CausalLM(network("qwen3_moe")))
    with pytest.raises(SamplingError, match=r"^sampling\.routing_replay: "):
        sample(engine, PROMPTS[:1], **ASKED)
