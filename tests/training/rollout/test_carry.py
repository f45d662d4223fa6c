"""The long tail: completions that are left unfinished, and gone on with in a later call."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.training.rollout.test_refill import (
    GROUP,
    PROMPTS,
    columns,
    guessing,
    guessing_pages,
    llama,
    pages,
)
from training.model import ModelConfig
from training.rollout import Carry, Completion, Engine, NativeEngine, Sampling

ENGINES = [columns, pages, guessing, guessing_pages, llama]


def write(engine: Engine, slots: int | None = None, **more: Any) -> list[Completion]:
    sampling = Sampling(40, temperature=1.5, min_new_tokens=2, max_sequences=slots)
    return engine.generate(
        PROMPTS, group_size=GROUP, sampling=sampling, seeds=[1, 2, 3, 4], eos_id=3, **more
    )


def left(completions: list[Completion]) -> dict[int, Completion]:
    return {
        number: each
        for number, each in enumerate(completions)
        if each.finish_reason == "unfinished"
    }


@pytest.mark.parametrize("engine_of", ENGINES)
@pytest.mark.parametrize("slots", [None, 6])
def test_a_break_changes_nothing_in_what_is_written(
    config: ModelConfig, engine_of: Callable[[ModelConfig], Engine], slots: int | None
) -> None:
    engine = engine_of(config)
    whole = write(engine)
    told: list[int] = []
    first = write(engine, slots, carry=Carry(leave=19), done=lambda number, _: told.append(number))
    begun = left(first)
    assert 0 < len(begun) <= 19
    assert sorted(told) == [number for number in range(20) if number not in begun]
    for number, each in begun.items():
        assert each.tokens == whole[number].tokens[: len(each.tokens)]
        assert len(each.logprobs) == len(each.tokens) < 40
    second = write(engine, slots, carry=Carry(begun=begun))
    for number, each in begun.items():
        assert second[number].tokens[: len(each.tokens)] == each.tokens
        assert second[number].logprobs[: len(each.tokens)] == each.logprobs
    if isinstance(engine, NativeEngine) and engine.speculative:
        return  # tokens pair off differently after the break, and follow the same distribution
    assert [each.tokens for each in second] == [each.tokens for each in whole]
    assert [each.finish_reason for each in second] == [each.finish_reason for each in whole]
    for number in begun:
        assert second[number].logprobs == pytest.approx(whole[number].logprobs, abs=1e-5)


def test_the_same_are_left_again(config: ModelConfig) -> None:
    engine = columns(config)
    first = write(engine, carry=Carry(leave=19))
    assert len(left(first)) in range(1, 20)
    assert write(engine, carry=Carry(leave=19)) == first


def test_what_is_left_may_be_left_once_more(config: ModelConfig) -> None:
    engine = columns(config)
    whole, found = write(engine), write(engine, carry=Carry(leave=19))
    assert len(left(found)) > 10
    while begun := left(found):
        found = write(engine, carry=Carry(leave=len(begun) - 1, begun=begun))
    assert [each.tokens for each in found] == [each.tokens for each in whole]
