"""The model computes what transformers' DeepseekV3ForCausalLM computes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings

from tests.tolerance import ABSOLUTE, GRADIENT, relative_difference
from tests.training.model.random_models import build, configs, padded_batch, positions, twin
from training.model import ModelConfig, completion_logprobs
from training.model.checkpoint_names import mappings

FP32 = torch.float32


@given(config=configs())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_logits_equal_on_left_padded_batches(config: ModelConfig) -> None:
    model = build(config)
    tokens_BT, mask_BT = padded_batch(config)
    with TemporaryDirectory() as directory, torch.no_grad():
        other = twin(model, Path(directory))
        theirs_BTV = other(
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
@settings(max_examples=8, deadline=None, derandomize=True)
def test_gradients_of_the_loss_are_equal(config: ModelConfig) -> None:
    model = build(config)
    tokens_BT, mask_BT = padded_batch(config)
    scored_BT = mask_BT & (positions(mask_BT) >= 4)
    with TemporaryDirectory() as directory:
        other = twin(model, Path(directory))
    ours_BT = completion_logprobs(model, tokens_BT, mask_BT, scored_BT).logprobs_BT
    logits_BTV = other(
        input_ids=tokens_BT, attention_mask=mask_BT.long(), position_ids=positions(mask_BT)
    ).logits
    logp_BTV = logits_BTV[:, :-1].log_softmax(-1)
    theirs_BT = logp_BTV.gather(-1, tokens_BT[:, 1:, None]).squeeze(-1)
    torch.testing.assert_close(
        ours_BT[scored_BT], theirs_BT[scored_BT[:, 1:]], atol=ABSOLUTE[FP32], rtol=0
    )
    ours_BT[scored_BT].sum().backward()
    theirs_BT[scored_BT[:, 1:]].sum().backward()
    _assert_same_gradients(model, other)


def _assert_same_gradients(model: torch.nn.Module, other: torch.nn.Module) -> None:
    ours = dict(model.named_parameters())
    theirs = dict(other.named_parameters())
    checked = set()
    for mapping in mappings(model.config):
        if mapping.ours not in ours or mapping.experts:
            continue
        for name, gradient in mapping.split(ours[mapping.ours].grad).items():
            assert relative_difference(gradient, theirs[name].grad) < GRADIENT[FP32], name
            checked.add(name)
    for layer, block in enumerate(model.blocks):
        for mine, yours in (("gate_up_EDJ", "gate_up_proj"), ("down_EID", "down_proj")):
            name = f"model.layers.{layer}.mlp.experts.{yours}"
            if name in theirs:
                gradient = getattr(block.feed_forward, mine).grad.transpose(1, 2)
                assert relative_difference(gradient, theirs[name].grad) < GRADIENT[FP32], name
                checked.add(name)
    assert checked == {n for n, p in theirs.items() if p.requires_grad}


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
