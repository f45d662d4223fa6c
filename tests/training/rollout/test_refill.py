"""Few rows, many sequences: each ended one makes room for the next, and nothing else changes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.training.model.random_models import build
from tests.training.other_models import network
from tests.training.rollout.asking import sample
from training.model import ModelConfig
from training.model.causal_lm import CausalLM
from training.rollout import Completion, Engine, NativeEngine, Sampling, prefill
from training.rollout.decoder import Decoder
from training.rollout.transformers_engine import TransformersEngine

PROMPTS = [[5, 6, 7, 8], [9], list(range(70)), [10, 11, 12]]
GROUP = 5


def columns(config: ModelConfig) -> Engine:
    return NativeEngine(build(config))


def pages(config: ModelConfig) -> Engine:
    engine = NativeEngine(build(config))
    engine.paged = True
    return engine


def guessing(config: ModelConfig) -> Engine:
    return NativeEngine(build(replace(config, num_nextn_predict_layers=1)), speculative=True)


def guessing_pages(config: ModelConfig) -> Engine:
    engine = NativeEngine(build(replace(config, num_nextn_predict_layers=1)), speculative=True)
    engine.paged = True
    return engine


def llama(_: ModelConfig) -> Engine:
    return TransformersEngine(CausalLM(network("llama")))


def windowed(_: ModelConfig) -> Engine:
    return TransformersEngine(CausalLM(network("mistral")))


ENGINES = [columns, pages, guessing, guessing_pages, llama, windowed]


@pytest.mark.parametrize("engine_of", ENGINES)
def test_completions_do_not_depend_on_how_many_run_at_a_time(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine]
) -> None:
    engine = engine_of(config)
    asked: dict[str, Any] = {
        "group_size": GROUP, "max_new_tokens": 40, "temperature": 1.5, "seed": 2, "eos_id": 3,
    }  # fmt: skip
    everyone = sample(engine, PROMPTS, **asked)
    assert {each.finish_reason for each in everyone} == {"stop", "length"}
    for slots in (1, 3, 18):
        some = sample(engine, PROMPTS, max_sequences=slots, **asked)
        assert [each.tokens for each in some] == [each.tokens for each in everyone]
        assert [each.finish_reason for each in some] == [each.finish_reason for each in everyone]
        for mine, its in zip(some, everyone, strict=True):
            assert mine.logprobs == pytest.approx(its.logprobs, abs=1e-5)


@pytest.mark.parametrize("engine_of", ENGINES)
def test_a_completion_follows_from_its_number_in_the_whole_group(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine]
) -> None:
    """Whoever writes only some of a group writes those that the whole one has."""
    engine, sampling = engine_of(config), Sampling(40, temperature=1.5)

    def written(first: int, size: int) -> list[list[int]]:
        found = engine.generate(
            PROMPTS, group_size=size, first_member=first, sampling=sampling, seeds=[1, 2, 3, 4],
            eos_id=3,
        )  # fmt: skip
        return [each.tokens for each in found]

    whole = written(0, GROUP)
    assert len({*map(tuple, whole)}) == len(whole)
    for first in range(GROUP):
        assert written(first, 1) == whole[first::GROUP]
    parts = zip(*[iter(written(1, 3))] * 3, strict=True)
    groups = zip(*[iter(whole)] * GROUP, strict=True)
    assert [list(part) for part in parts] == [list(group[1:4]) for group in groups]


@pytest.mark.parametrize("slots", [1, 4, None])
def test_no_more_run_at_a_time_and_each_prompt_is_read_once(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch, slots: int | None
) -> None:
    engine, rows, texts = NativeEngine(build(config)), [], []
    decode, read = Decoder.read, prefill.read

    def watched_decode(decoder: Decoder, tokens_BS: torch.Tensor, *rest: Any) -> torch.Tensor:
        rows.append(len(tokens_BS))
        return decode(decoder, tokens_BS, *rest)

    def watched_read(model: Any, asked: list[list[int]]) -> Any:
        texts.append(asked)
        return read(model, asked)

    monkeypatch.setattr(Decoder, "read", watched_decode)
    monkeypatch.setattr("training.rollout.native.read", watched_read)
    sample(
        engine, PROMPTS, group_size=GROUP, max_new_tokens=20, temperature=1.5, eos_id=3,
        max_sequences=slots,
    )  # fmt: skip
    assert max(rows) == (slots or 20)
    assert [text for asked in texts for text in asked] == PROMPTS
    assert len(texts) == (1 if slots is None else 4)


@pytest.mark.parametrize("engine_of", [columns, pages])
def test_the_cache_is_no_wider_than_what_runs(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred sequences through four rows hold what four sequences hold."""
    held, decode = [], Decoder.read

    def watched(decoder: Decoder, tokens: torch.Tensor, places: torch.Tensor, cache: Any) -> Any:
        held.append(cache.layers[0].shape[0] * cache.layers[0].shape[1])
        return decode(decoder, tokens, places, cache)

    monkeypatch.setattr(Decoder, "read", watched)
    sample(
        engine_of(config), PROMPTS[:2] * 10, group_size=5, max_new_tokens=30, temperature=1.5,
        eos_id=3, max_sequences=4,
    )  # fmt: skip
    assert len(held) > 200
    assert max(held) <= 4 * 64


@pytest.mark.parametrize("engine_of", [columns, guessing, llama])
def test_each_completion_is_told_once_and_before_the_last_has_ended(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine]
) -> None:
    told: list[tuple[int, Completion]] = []
    engine = engine_of(config)
    found = engine.generate(
        PROMPTS, group_size=GROUP, sampling=Sampling(40, temperature=1.5, max_sequences=4),
        seeds=[1, 2, 3, 4], eos_id=3, done=lambda *each: told.append(each),
    )  # fmt: skip
    assert sorted(number for number, _ in told) == list(range(20))
    assert all(found[number] is completion for number, completion in told)
    assert [number for number, _ in told] != list(range(20))
