"""The model computes what transformers' DeepseekV2ForCausalLM and DeepseekV3ForCausalLM compute.

Each over 50 random configs: odd head counts, 1 to 16 experts, groups, with and without compressed
queries, YaRN and tied embeddings.
"""

import pytest
import torch
from hypothesis import given, settings

from tests.tolerance import ABSOLUTE, GRADIENT
from tests.training.model.random_models import (
    as_in_transformers,
    build,
    configs,
    padded_batch,
    positions,
    twin,
)
from tests.training.rollout.asking import sample
from training.model import ModelConfig, completion_logprobs
from training.rollout import NativeEngine

FP32 = torch.float32
TIE = 1e-5
"""Two logits closer than this may change places by rounding."""


@given(config=configs())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_logits_equal_on_left_padded_batches(config: ModelConfig) -> None:
    model = build(config)
    tokens_BT, mask_BT = padded_batch(config)
    with torch.no_grad():
        theirs_BTV = twin(model)(
            input_ids=tokens_BT, attention_mask=mask_BT.long(), position_ids=positions(mask_BT)
        ).logits
        ours_BTV = model.logits(model(tokens_BT, mask_BT))
    torch.testing.assert_close(ours_BTV[mask_BT], theirs_BTV[mask_BT], atol=ABSOLUTE[FP32], rtol=0)


def test_padding_side_does_not_change_a_hidden_state(config: ModelConfig) -> None:
    model = build(config)
    tokens_BT, left_BT = padded_batch(config)
    right_BT = left_BT.flip(1)
    right_tokens_BT = torch.zeros_like(tokens_BT)
    right_tokens_BT[right_BT] = tokens_BT[left_BT]
    with torch.no_grad():
        left, right = model(tokens_BT, left_BT), model(right_tokens_BT, right_BT)
    torch.testing.assert_close(left[left_BT], right[right_BT])
    assert not left[~left_BT].any()


@given(config=configs())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_gradients_of_the_loss_are_equal(config: ModelConfig) -> None:
    model = build(config)
    tokens_BT, mask_BT = padded_batch(config)
    scored_BT = mask_BT & (positions(mask_BT) >= 4)
    other = twin(model)
    ours_BT = completion_logprobs(model, tokens_BT, mask_BT, scored_BT).logprobs_BT
    logits_BTV = other(
        input_ids=tokens_BT, attention_mask=mask_BT.long(), position_ids=positions(mask_BT)
    ).logits
    logp_BTV = logits_BTV[:, :-1].log_softmax(-1)
    theirs_BT = logp_BTV.gather(-1, tokens_BT[:, 1:, None]).squeeze(-1)
    torch.testing.assert_close(
        ours_BT[scored_BT], theirs_BT[scored_BT[:, 1:]], atol=ABSOLUTE[FP32], rtol=0
    )
    weights = dict(model.named_parameters())
    gradients = torch.autograd.grad(ours_BT[scored_BT].sum(), weights.values())
    ours = as_in_transformers(config, dict(zip(weights, gradients, strict=True)))
    weights = dict(other.named_parameters())
    gradients = torch.autograd.grad(theirs_BT[scored_BT[:, 1:]].sum(), weights.values())
    theirs = dict(zip(weights, gradients, strict=True))
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    assert theirs.keys() == ours.keys() - tied
    # A gradient that is 0 but for rounding, as a router's is whose gates are always 1, has no
    # relative difference: it has to be as good as 0 in both.
    largest = max(float(gradient.norm()) for gradient in theirs.values())
    for name, gradient in theirs.items():
        difference = float((ours[name] - gradient).norm())
        assert difference < GRADIENT[FP32] * max(float(gradient.norm()), 1e-5 * largest), name


@given(config=configs())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_greedy_tokens_are_those_of_generate(config: ModelConfig) -> None:
    """64 tokens each of two prompts of different length; where the two best logits lie within
    1e-5 of each other, the sequences are compared up to there."""
    model = build(config).eval()
    tokens_BT, mask_BT = padded_batch(config)
    tokens_BT, mask_BT = tokens_BT[1:3], mask_BT[1:3]
    prompts = [row[valid].tolist() for row, valid in zip(tokens_BT, mask_BT, strict=True)]
    completions = sample(
        NativeEngine(model), prompts, max_new_tokens=64, temperature=0, seed=0, eos_id=None
    )
    found = twin(model).generate(
        input_ids=tokens_BT, attention_mask=mask_BT.long(), max_new_tokens=64, do_sample=False,
        eos_token_id=None, pad_token_id=0, output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    theirs_BS = found.sequences[:, tokens_BT.shape[1] :]
    best_SB2 = torch.stack(found.logits).topk(2, dim=-1).values
    margins_BS = (best_SB2[..., 0] - best_SB2[..., 1]).T
    for completion, theirs_S, margins_S in zip(completions, theirs_BS, margins_BS, strict=True):
        ours_S = torch.tensor(completion.tokens)
        assert len(ours_S) == 64
        sure = int((margins_S > TIE).long().cumprod(0).sum())
        assert torch.equal(ours_S[:sure], theirs_S[:sure])
        assert sure >= 1


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_entropy_and_temperature_follow_the_definition(
    config: ModelConfig, temperature: float
) -> None:
    model = build(config).double()
    tokens_BT, mask_BT = padded_batch(config)
    scored_BT = mask_BT & (positions(mask_BT) >= 1)
    with torch.no_grad():
        scores = completion_logprobs(model, tokens_BT, mask_BT, scored_BT, temperature)
        logits_BTV = model.logits(model(tokens_BT, mask_BT))
    categorical = torch.distributions.Categorical(logits=logits_BTV[:, :-1] / temperature)
    where = scored_BT[:, 1:]
    expected = categorical.log_prob(tokens_BT[:, 1:])[where].float()
    torch.testing.assert_close(scores.logprobs_BT[:, 1:][where], expected)
    expected = categorical.entropy()[where].float()
    torch.testing.assert_close(scores.entropy_BT[:, 1:][where], expected)
    assert not scores.logprobs_BT[~scored_BT].any()
