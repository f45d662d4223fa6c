"""Guessing tokens with the multi-token prediction layer changes speed, never the distribution."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.model.random_models import build
from tests.training.rollout.asking import sample
from tests.training.rollout.trainer import trainer_logprobs
from training.model import ModelConfig, Transformer
from training.model.packing import pack
from training.rollout import NativeEngine, speculative
from training.rollout.engine import SamplingError
from training.rollout.sampling import invert, policy, sampled

PROMPTS = [[5, 6, 7, 8], [9], [10, 11, 12, 13, 14, 15, 16]]
VOCABULARY, STEPS, DRAWS = 5, 3, 20_000
EOS = 3

Rule = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@pytest.fixture
def model(config: ModelConfig) -> Transformer:
    return build(replace(config, num_nextn_predict_layers=1))


@pytest.fixture
def small_model(config: ModelConfig) -> Transformer:
    """Few enough tokens that all completions can be counted; far from uniform."""
    shape = replace(
        config, num_nextn_predict_layers=1, vocab_size=VOCABULARY, num_hidden_layers=1,
        initializer_range=0.35,
    )  # fmt: skip
    return build(shape)


def _distribution(
    model: Transformer, temperature: float, top_p: float
) -> dict[tuple[int, ...], float]:
    """Probability of every completion of [1, 2] up to its end token, by the training forward."""
    found: dict[tuple[int, ...], float] = {}
    rows = torch.tensor([[1, 2, *tokens] for tokens in product(range(VOCABULARY), repeat=STEPS)])
    with torch.no_grad():
        logits_BTV = model.logits(model(rows))[:, 1:-1]
    p_NV = sampled(policy(logits_BTV.flatten(0, 1), temperature).double(), temperature, top_p)
    p_BTV = p_NV.unflatten(0, (-1, STEPS))
    for row, p_TV in zip(rows[:, 2:].tolist(), p_BTV, strict=True):
        length = row.index(EOS) + 1 if EOS in row else STEPS
        found[tuple(row[:length])] = float(
            torch.stack([p_TV[step, row[step]] for step in range(length)]).prod()
        )
    return found


def _excess(model: Transformer, temperature: float, top_p: float) -> float:
    """Chi-square of many completions against the exact distribution, in standard deviations above
    what chance gives."""
    engine = NativeEngine(model, speculative=True)
    completions = sample(
        engine, [[1, 2]], group_size=DRAWS, max_new_tokens=STEPS, temperature=temperature,
        top_p=top_p, seed=0, eos_id=EOS,
    )  # fmt: skip
    assert 0.3 < engine.guesses.stood / engine.guesses.made < 0.9
    counts: dict[tuple[int, ...], int] = {}
    for completion in completions:
        counts[tuple(completion.tokens)] = counts.get(tuple(completion.tokens), 0) + 1
    expected = {
        tokens: p * DRAWS for tokens, p in _distribution(model, temperature, top_p).items() if p
    }
    assert abs(sum(expected.values()) - DRAWS) < 1e-3 * DRAWS
    assert counts.keys() <= expected.keys()
    # The rare ones together: chi-square wants a handful in each cell.
    rare = [tokens for tokens, number in expected.items() if number < 5]
    cells = [(counts.get(tokens, 0), expected[tokens]) for tokens in expected if tokens not in rare]
    cells.append((sum(counts.get(t, 0) for t in rare), sum(expected[t] for t in rare) + 1e-9))
    freedom = len(cells) - 1
    chi_square = sum((seen - number) ** 2 / max(number, 1) for seen, number in cells)
    return (chi_square - freedom) / (2 * freedom) ** 0.5


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (1.7, 1.0), (2.5, 0.9)])
def test_completions_follow_the_models_distribution(
    small_model: Transformer, temperature: float, top_p: float
) -> None:
    assert _excess(small_model, temperature, top_p) < 4


RIGHT_RULE = speculative.keep_or_redraw


def _keep_all(p_BV: Tensor, q_BV: Tensor, guessed_B: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
    return guessed_B, torch.arange(len(guessed_B)) % 2 == 0


def _redraw_from_p(
    p_BV: Tensor, q_BV: Tensor, guessed_B: Tensor, noise_B: Tensor, redraw_B: Tensor
) -> tuple[Tensor, Tensor]:
    _, stood_B = RIGHT_RULE(p_BV, q_BV, guessed_B, noise_B, redraw_B)
    return torch.where(stood_B, guessed_B, invert(p_BV, redraw_B)), stood_B


@pytest.mark.parametrize("wrong_rule", [_keep_all, _redraw_from_p])
def test_a_wrong_rule_would_be_noticed(
    small_model: Transformer, monkeypatch: pytest.MonkeyPatch, wrong_rule: Rule
) -> None:
    monkeypatch.setattr(speculative, "keep_or_redraw", wrong_rule)
    assert _excess(small_model, 1.0, 1.0) > 50


def test_greedy_tokens_are_the_same_without_guessing(model: Transformer) -> None:
    def tokens_of(engine: NativeEngine) -> list[list[int]]:
        completions = sample(engine, PROMPTS, max_new_tokens=60, temperature=0, seed=0, eos_id=None)
        return [completion.tokens for completion in completions]

    guessing, plain = NativeEngine(model, speculative=True), NativeEngine(model)
    assert tokens_of(guessing) == tokens_of(plain)


@pytest.mark.parametrize("q_lora_rank", [None, 16])
@pytest.mark.parametrize("eos_id", [None, 3])
def test_logprobs_equal_the_training_forward(
    config: ModelConfig, eos_id: int | None, q_lora_rank: int | None
) -> None:
    model = build(replace(config, num_nextn_predict_layers=1, q_lora_rank=q_lora_rank))
    completions = sample(
        NativeEngine(model, speculative=True),
        PROMPTS,
        group_size=8,
        max_new_tokens=40,
        temperature=1.3,
        seed=1,
        eos_id=eos_id,
    )
    sampled_logprobs = torch.tensor([x for each in completions for x in each.logprobs])
    expected = trainer_logprobs(model, PROMPTS, completions, 8, 1.3)
    torch.testing.assert_close(sampled_logprobs, expected, atol=1e-5, rtol=0)


def test_guesses_are_those_of_the_training_forward(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guesser's states, from a cache with holes, against the layer over whole sequences."""
    seen: list[tuple[Tensor, Tensor]] = []
    step = speculative.Guesser.step

    def watched_step(
        guesser: speculative.Guesser, hidden_ND: Tensor, next_BS: Tensor, *rest: Any
    ) -> Tensor:
        states_ND = step(guesser, hidden_ND, next_BS, *rest)
        seen.append((rest[0].flatten(), states_ND))
        return states_ND

    monkeypatch.setattr(speculative.Guesser, "step", watched_step)
    prompt = PROMPTS[0]
    (completion,) = sample(
        NativeEngine(model, speculative=True), [prompt], max_new_tokens=40, seed=0, eos_id=None
    )
    row = torch.tensor([prompt + completion.tokens])
    packed = pack(row)
    after, before_N = packed.after_first()
    with torch.no_grad():
        assert model.mtp is not None
        expected_ND = model.mtp(
            model(packed)[before_N], after.tokens_N, model.rope(after.positions_N, torch.float32),
            after.by_head(model.config.num_attention_heads), model.embedding,
        )  # fmt: skip
    # A place that a fallen guess stood at is computed again: the last state there counts.
    states = {
        place: state_D
        for places, rows in seen
        for place, state_D in zip(places.tolist(), rows, strict=True)
    }
    kept = [place for place in sorted(states) if place < row.shape[1] - 3]
    assert kept == list(range(len(prompt) - 1, row.shape[1] - 3))
    ours_ND = torch.stack([states[place] for place in kept])
    torch.testing.assert_close(ours_ND, expected_ND[kept], atol=1e-4, rtol=0)


def test_sequences_end_at_their_end_token_or_the_limit(model: Transformer) -> None:
    completions = sample(
        NativeEngine(model, speculative=True),
        PROMPTS,
        group_size=16,
        max_new_tokens=33,
        temperature=1.5,
        seed=0,
        eos_id=EOS,
    )
    assert {completion.finish_reason for completion in completions} == {"stop", "length"}
    for completion in completions:
        assert len(completion.tokens) == len(completion.logprobs)
        stopped = completion.finish_reason == "stop"
        assert completion.tokens.count(EOS) == stopped
        assert completion.tokens[-1] == EOS if stopped else len(completion.tokens) == 33


def test_completions_depend_on_the_seed_alone(model: Transformer) -> None:
    engine = NativeEngine(model, speculative=True)

    def tokens_of(prompts: list[list[int]], seed: int) -> list[list[int]]:
        completions = sample(
            engine, prompts, group_size=4, max_new_tokens=30, seed=seed, eos_id=EOS
        )
        return [completion.tokens for completion in completions]

    everyone = tokens_of(PROMPTS, 7)
    assert tokens_of(PROMPTS, 7) == everyone
    assert tokens_of(PROMPTS[:1], 7) == everyone[:4]
    assert tokens_of(PROMPTS, 8) != everyone


def test_a_prompt_may_fill_the_context_to_the_last_place(model: Transformer) -> None:
    room = model.config.max_position_embeddings
    completions = sample(
        NativeEngine(model, speculative=True),
        [[1] * (room - 9), [2]],
        group_size=2,
        max_new_tokens=9,
        seed=0,
        eos_id=None,
    )
    assert [len(completion.tokens) for completion in completions] == [9] * 4


def test_a_model_without_the_layer_is_refused(config: ModelConfig) -> None:
    with pytest.raises(SamplingError, match=r"^sampling\.speculative: .*num_nextn_predict_layers"):
        NativeEngine(build(config), speculative=True)
