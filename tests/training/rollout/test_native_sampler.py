"""The native sampler draws from exactly the distribution that the trainer sees."""

import threading
from typing import Any

import pytest
import torch

from tests.tolerance import ABSOLUTE, relative_difference
from tests.training.model.random_models import build, twin
from tests.training.rollout.asking import sample
from tests.training.rollout.trainer import trainer_logprobs
from training.model import ModelConfig
from training.rollout import Completion, NativeEngine
from training.rollout import decoder as decoder_module
from training.rollout import native as native_module
from training.rollout.cache import LatentCache
from training.rollout.decoder import Decoder
from training.rollout.engine import SamplingError

PROMPTS = [[5, 6, 7, 8], [9], [10, 11, 12, 13, 14, 15, 16]]


@pytest.mark.parametrize("q_lora_rank", [None, 16])
@pytest.mark.parametrize("eos_id", [None, 3])
@pytest.mark.parametrize("few", [0, 1 << 10])
def test_logprobs_equal_the_training_forward(
    config: ModelConfig,
    monkeypatch: pytest.MonkeyPatch,
    q_lora_rank: int | None,
    eos_id: int | None,
    few: int,
) -> None:
    monkeypatch.setattr(decoder_module, "FEW", few)
    model = build(ModelConfig(**{**vars(config), "q_lora_rank": q_lora_rank}))
    completions = sample(
        NativeEngine(model),
        PROMPTS,
        group_size=8,
        max_new_tokens=40,
        temperature=1.3,
        seed=1,
        eos_id=eos_id,
    )
    sampled = torch.tensor([x for completion in completions for x in completion.logprobs])
    expected = trainer_logprobs(model, PROMPTS, completions, 8, 1.3)
    torch.testing.assert_close(sampled, expected, atol=1e-5, rtol=0)


def test_bf16_logprobs_stay_close_to_the_training_forward(config: ModelConfig) -> None:
    model = build(config).bfloat16()
    completions = sample(
        NativeEngine(model), PROMPTS, group_size=8, max_new_tokens=30, seed=1, eos_id=None
    )
    sampled = torch.tensor([x for completion in completions for x in completion.logprobs])
    expected = trainer_logprobs(model, PROMPTS, completions, 8, 1.0)
    assert float((sampled - expected).abs().mean()) < ABSOLUTE[torch.bfloat16]


def test_greedy_tokens_equal_transformers_generate(config: ModelConfig) -> None:
    model = build(config)
    other = twin(model)
    completions = sample(
        NativeEngine(model), PROMPTS, max_new_tokens=64, temperature=0, seed=0, eos_id=None
    )
    for prompt, completion in zip(PROMPTS, completions, strict=True):
        theirs = other.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0,
        )  # fmt: skip
        assert completion.tokens == theirs[0, len(prompt) :].tolist()


def test_absorbed_attention_agrees_with_the_expanded_form(config: ModelConfig) -> None:
    """One decoding step against a whole forward: relative difference of hidden states in fp32."""
    model = build(config)
    prompts = [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]]
    engine = NativeEngine(model)
    completions = sample(engine, prompts, max_new_tokens=20, temperature=0, seed=0, eos_id=None)
    rows = torch.tensor([p + c.tokens for p, c in zip(prompts, completions, strict=True)])
    with torch.no_grad():
        logits_BTV = model.logits(model(rows[:, :-1]))[:, 5:]
    expected = logits_BTV.log_softmax(-1).max(-1).values
    sampled = torch.tensor([completion.logprobs for completion in completions])
    assert relative_difference(sampled, expected) < 1e-6


def test_the_same_seed_gives_the_same_completions(config: ModelConfig) -> None:
    engine = NativeEngine(build(config))

    def again(seed: int) -> list[Completion]:
        return sample(engine, PROMPTS, group_size=4, max_new_tokens=20, seed=seed, eos_id=3)

    first = again(7)
    torch.rand(100)
    assert again(7) == first
    assert again(8) != first


def test_finished_sequences_end_with_their_end_token(config: ModelConfig) -> None:
    completions = sample(
        NativeEngine(build(config)),
        PROMPTS,
        group_size=16,
        max_new_tokens=60,
        temperature=1.5,
        seed=0,
        eos_id=3,
    )
    reasons = {completion.finish_reason for completion in completions}
    assert reasons == {"stop", "length"}
    for completion in completions:
        assert len(completion.tokens) == len(completion.logprobs)
        stopped = completion.finish_reason == "stop"
        assert completion.tokens.count(3) == stopped
        assert completion.tokens[-1] == 3 if stopped else len(completion.tokens) == 60


def test_dropping_finished_rows_changes_no_completion(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = NativeEngine(build(config))
    widths: list[int] = []
    read = Decoder.read

    def counting_read(decoder: Decoder, tokens_B: torch.Tensor, *rest: Any) -> torch.Tensor:
        widths.append(len(tokens_B))
        return read(decoder, tokens_B, *rest)

    monkeypatch.setattr(Decoder, "read", counting_read)
    monkeypatch.setattr(engine, "_parts", lambda _: 1)

    def tokens_of() -> list[list[int]]:
        completions = sample(
            engine, PROMPTS, group_size=16, max_new_tokens=60, temperature=1.5, seed=0, eos_id=3
        )
        return [completion.tokens for completion in completions]

    dropped = tokens_of()
    assert widths[0] == 48
    assert widths[-1] < 0.9 * 48
    monkeypatch.setattr(LatentCache, "compact_share", 1.0)
    assert tokens_of() == dropped


@pytest.mark.parametrize(("cached_bytes", "expected"), [(1 << 25, 2), (0, 1)])
def test_threads_share_a_batch_of_a_small_model(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch, cached_bytes: int, expected: int
) -> None:
    engine = NativeEngine(build(config))
    writers: set[tuple[int, int]] = set()
    read = Decoder.read

    def watched_read(*arguments: Any) -> torch.Tensor:
        writers.add((threading.get_ident(), torch.get_num_threads()))
        return read(*arguments)

    def tokens_of() -> list[list[int]]:
        completions = sample(
            engine, PROMPTS, group_size=16, max_new_tokens=20, temperature=1.3, seed=0, eos_id=3
        )
        return [completion.tokens for completion in completions]

    alone = tokens_of()
    monkeypatch.setattr(native_module, "CACHED_BYTES", cached_bytes)
    monkeypatch.setattr(Decoder, "read", watched_read)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert tokens_of() == alone
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert {threads for _, threads in writers} == {2 // expected}
    assert len(writers) == expected


def test_generation_ends_when_all_have_finished(config: ModelConfig) -> None:
    model = build(config)
    first = sample(
        NativeEngine(model), [[1, 2]], max_new_tokens=1, temperature=0, seed=0, eos_id=None
    )
    completions = sample(
        NativeEngine(model),
        [[1, 2]],
        group_size=3,
        max_new_tokens=50,
        temperature=0,
        seed=0,
        eos_id=first[0].tokens[0],
    )
    assert [completion.tokens for completion in completions] == [first[0].tokens] * 3


@pytest.mark.parametrize(
    ("prompts", "message"),
    [([[1], []], "prompt 1 is empty"), ([[1] * 250], r"prompt 0 has 250 tokens.*\(256\)")],
)
def test_an_unusable_prompt_is_named(
    config: ModelConfig, prompts: list[list[int]], message: str
) -> None:
    with pytest.raises(SamplingError, match=message):
        sample(NativeEngine(build(config)), prompts, max_new_tokens=20, seed=0, eos_id=None)


def test_diverged_weights_are_reported(config: ModelConfig) -> None:
    model = build(config)
    with torch.no_grad():
        model.norm.weight[0] = torch.nan
    with pytest.raises(SamplingError, match="not finite"):
        sample(NativeEngine(model), PROMPTS, max_new_tokens=4, seed=0, eos_id=None)
