"""How completions end: stop strings, least and greatest lengths."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.training.model.random_models import build
from tests.training.other_models import network
from tests.training.rollout.asking import sample
from tests.training.rollout.trainer import trainer_logprobs
from training.model import ModelConfig
from training.model.causal_lm import CausalLM
from training.rollout import Engine, NativeEngine
from training.rollout.stopping import StopStrings
from training.rollout.transformers_engine import TransformersEngine

PROMPTS = [[5, 6, 7, 8], [9]]
EOS = 3
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def letters(tokens: list[int]) -> str:
    return "".join(ALPHABET[token % 26] for token in tokens)


def native(config: ModelConfig) -> Engine:
    return NativeEngine(build(config), decode=letters)


def guessing(config: ModelConfig) -> Engine:
    model = build(replace(config, num_nextn_predict_layers=1))
    return NativeEngine(model, speculative=True, decode=letters)


def llama(_: ModelConfig) -> Engine:
    return TransformersEngine(CausalLM(network("llama")), decode=letters)


ENGINES = [native, guessing, llama]
ASKED: dict[str, Any] = {
    "group_size": 16, "max_new_tokens": 48, "temperature": 1.5, "seed": 4, "eos_id": EOS,
}  # fmt: skip


@pytest.mark.parametrize("engine_of", ENGINES)
@pytest.mark.parametrize("slots", [None, 5])
def test_a_stop_string_ends_a_completion_with_the_token_that_completes_it(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine], slots: int | None
) -> None:
    """What comes out is what comes out without it, cut."""
    engine = engine_of(config)
    whole = sample(engine, PROMPTS, max_sequences=slots, **ASKED)
    cut = sample(engine, PROMPTS, stop=("ab", "q", "zz"), max_sequences=slots, **ASKED)
    stopped = 0
    for long, short in zip(whole, cut, strict=True):
        text = letters(long.tokens)
        ends = [text.find(each) + len(each) for each in ("ab", "q", "zz") if each in text]
        length = min(ends, default=len(text))
        assert short.tokens == long.tokens[:length]
        assert len(short.logprobs) == length
        if length < len(text):
            stopped += 1
            assert short.finish_reason == "stop"
            assert short.stop is not None
            assert letters(short.tokens).endswith(short.stop)
        elif not ends or ends[0] != len(text):
            assert (short.finish_reason, short.stop) == (long.finish_reason, None)
    assert stopped > 8


def test_stop_strings_are_found_across_tokens_and_inside_them() -> None:
    pieces = ["<", "/ans", "wer>x", "no", "\ufffd"]
    stop = StopStrings(("</answer>",), lambda tokens: "".join(pieces[token] for token in tokens))
    assert stop.completed([3, 0, 1, 2]) == "</answer>"
    assert stop.completed([0, 1, 2, 3]) is None  # completed before
    assert stop.completed([0, 1]) is None
    assert [stop.may_complete(token) for token in range(5)] == [False, False, True, False, True]
    assert stop.window >= len("</answer>")


@pytest.mark.parametrize("engine_of", ENGINES)
def test_none_ends_by_itself_before_the_least_length(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine]
) -> None:
    engine = engine_of(config)
    free = sample(engine, PROMPTS, **ASKED)
    assert min(len(each.tokens) for each in free) < 20
    held = sample(engine, PROMPTS, min_new_tokens=20, stop=("q",), **ASKED)
    assert min(len(each.tokens) for each in held) >= 20
    assert all(EOS not in each.tokens[:-1] for each in held)
    assert any("q" in letters(each.tokens[:19]) for each in held)
    assert {each.finish_reason for each in held} >= {"stop"}


def test_a_least_length_takes_nothing_but_the_end_token_away(config: ModelConfig) -> None:
    """The first token's frequencies, by chi-square, with and without the end token."""
    model = build(config)
    with torch.no_grad():
        model.head.weight[EOS] = model.head.weight[7]  # so that the end token is no rare one
        p_V = model.logits(model(torch.tensor([[5, 6, 7]]))[0, -1]).softmax(-1).double()
    p_V[EOS] = 0
    p_V /= p_V.sum()
    found = sample(
        NativeEngine(model), [[5, 6, 7]], group_size=4000, max_new_tokens=1, min_new_tokens=1,
        eos_id=EOS,
    )  # fmt: skip
    counts_V = torch.bincount(torch.tensor([each.tokens[0] for each in found]), minlength=len(p_V))
    assert counts_V[EOS] == 0
    often = p_V * 4000 >= 5
    chi_square = ((counts_V[often] - 4000 * p_V[often]) ** 2 / (4000 * p_V[often])).sum()
    freedom = int(often.sum()) - 1
    assert (chi_square - freedom) / (2 * freedom) ** 0.5 < 4


@pytest.mark.parametrize("engine_of", [native, guessing])
def test_logprobs_under_a_least_length_are_the_trainers(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine]
) -> None:
    engine = engine_of(config)
    held = sample(engine, PROMPTS, min_new_tokens=30, **ASKED)
    assert isinstance(engine, NativeEngine)
    expected = trainer_logprobs(engine.model, PROMPTS, held, 16, 1.5)
    sampled = torch.tensor([x for each in held for x in each.logprobs])
    torch.testing.assert_close(sampled, expected, atol=1e-5, rtol=0)
