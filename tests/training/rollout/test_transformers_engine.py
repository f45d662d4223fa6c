"""The sampler of other models draws what the native one draws, from what the trainer sees."""

from typing import Any

import pytest
import torch

from tests.training.model.random_models import build, twin
from tests.training.other_models import SHAPES, network
from tests.training.rollout import asking
from training.model import ModelConfig, completion_logprobs
from training.model.causal_lm import CausalLM
from training.rollout import Completion, NativeEngine, sampler_of
from training.rollout.engine import SamplingError
from training.rollout.transformers_engine import KeyValueCache, TransformersEngine

PROMPTS = [[5, 6, 7, 8], [9], [10, 11, 12, 13, 14, 15, 16]]
GROUP = 8


def engine(model_type: str = "llama") -> TransformersEngine:
    return TransformersEngine(CausalLM(network(model_type)))


def sample(
    sampler: TransformersEngine, prompts: list[list[int]] = PROMPTS, **more: Any
) -> list[Completion]:
    settings = {"group_size": GROUP, "max_new_tokens": 24, "seed": 3, "eos_id": 3, **more}
    return asking.sample(sampler, prompts, **settings)


@pytest.mark.parametrize("model_type", SHAPES)
def test_greedy_tokens_equal_transformers_generate(model_type: str) -> None:
    sampler = engine(model_type)
    completions = sample(sampler, group_size=1, max_new_tokens=32, temperature=0, eos_id=None)
    rows = torch.tensor([[0] * (7 - len(prompt)) + prompt for prompt in PROMPTS])
    counts = torch.tensor([[0] * (7 - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS])
    theirs = sampler.model.network.generate(
        rows, attention_mask=counts, max_new_tokens=32, do_sample=False,
        pad_token_id=0, eos_token_id=-1,
    )  # fmt: skip
    assert [completion.tokens for completion in completions] == theirs[:, 7:].tolist()


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "qwen3_moe", "mistral", "granite"])
def test_logprobs_equal_the_training_forward(model_type: str) -> None:
    sampler = engine(model_type)
    completions = sample(sampler, temperature=1.3, top_p=0.9)
    prompts = [prompt for prompt in PROMPTS for _ in range(GROUP)]
    rows = [prompt + each.tokens for prompt, each in zip(prompts, completions, strict=True)]
    longest = max(map(len, rows))
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    places_T = torch.arange(longest)
    mask_BT = places_T < torch.tensor([[len(row)] for row in rows])
    scored_BT = mask_BT & (places_T >= torch.tensor([[len(prompt)] for prompt in prompts]))
    with torch.no_grad():
        found = completion_logprobs(sampler.model, tokens_BT, mask_BT, scored_BT, 1.3)
    sampled = torch.tensor([value for each in completions for value in each.logprobs])
    torch.testing.assert_close(sampled, found.logprobs_BT[scored_BT], atol=1e-5, rtol=0)
    assert {each.finish_reason for each in completions} == {"stop", "length"}


@pytest.mark.parametrize("top_p", [1.0, 0.7])
def test_the_same_weights_and_seed_give_what_the_native_sampler_gives(
    config: ModelConfig, top_p: float
) -> None:
    model = build(config)
    other = CausalLM(twin(model))
    other.network.generation_config.eos_token_id = None
    assert isinstance(sampler_of(model), NativeEngine)
    assert isinstance(sampler_of(other), TransformersEngine)
    settings: dict[str, Any] = {
        "group_size": GROUP, "max_new_tokens": 24, "temperature": 1.2, "top_p": top_p, "seed": 5,
        "eos_id": 3,
    }  # fmt: skip
    ours = asking.sample(sampler_of(model), PROMPTS, **settings)
    theirs = asking.sample(sampler_of(other), PROMPTS, **settings)
    assert [each.tokens for each in theirs] == [each.tokens for each in ours]
    for mine, its in zip(ours, theirs, strict=True):
        assert its.logprobs == pytest.approx(mine.logprobs, abs=1e-4)


def test_a_group_reads_its_prompt_once_and_finished_rows_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sampler, shapes = engine(), []
    sampler.model.network.generation_config.eos_token_id = list(range(3, 20))
    read = sampler.model.read

    def watching(tokens_BT: torch.Tensor, *rest: Any) -> Any:
        shapes.append(tuple(tokens_BT.shape))
        return read(tokens_BT, *rest)

    monkeypatch.setattr(sampler.model, "read", watching)
    dropping = sample(sampler, temperature=1.5, max_new_tokens=40)
    assert shapes[0] == (3, 7)
    assert shapes[1][0] > 2 * GROUP
    assert shapes[-1][0] <= 2 * GROUP
    monkeypatch.setattr(KeyValueCache, "compact_share", 1.0)
    kept = sample(sampler, temperature=1.5, max_new_tokens=40)
    assert [each.tokens for each in kept] == [each.tokens for each in dropping]


def test_the_same_seed_gives_the_same_completions_whatever_else_was_drawn() -> None:
    sampler = engine()
    first = sample(sampler, seed=7)
    torch.rand(100)
    assert sample(sampler, seed=7) == first
    assert sample(sampler, seed=8) != first


def test_each_of_the_models_end_tokens_ends_a_sequence() -> None:
    sampler = engine()
    sampler.model.network.generation_config.eos_token_id = [11, 12, 13]
    completions = sample(sampler, group_size=32, max_new_tokens=60, eos_id=3)
    ends = {each.tokens[-1] for each in completions if each.finish_reason == "stop"}
    assert {3, 11, 12, 13} == ends
    assert all(not {3, 11, 12, 13} & set(each.tokens[:-1]) for each in completions)
    unending = sample(sampler, group_size=32, max_new_tokens=60, eos_id=None)
    assert {len(each.tokens) for each in unending} == {60}


@pytest.mark.parametrize(
    ("prompts", "message"),
    [([[1], []], "prompt 1 is empty"), ([[1] * 120], r"prompt 0 has 120 tokens.*\(128\)")],
)
def test_an_unusable_prompt_is_named(prompts: list[list[int]], message: str) -> None:
    with pytest.raises(SamplingError, match=message):
        sample(engine("gpt2"), prompts)


def test_weights_that_have_diverged_are_told() -> None:
    sampler = engine()
    with torch.no_grad():
        sampler.model.network.model.norm.weight.fill_(torch.nan)
    with pytest.raises(SamplingError, match="not finite"):
        sample(sampler)
