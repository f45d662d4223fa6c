"""What every sampling engine does: prompts in, completions with their log-probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from training.config import SamplingConfig


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn. Temperature 0 takes the likeliest token."""

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    min_new_tokens: int = 0
    """Before so many tokens no end token is drawn and no stop string looked for."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion; it keeps the one that ended it."""
    max_sequences: int | None = None
    """Completions written at the same time; None: all."""
    routing_replay: bool = False
    """Note which experts each token took."""

    @classmethod
    def of(cls, config: SamplingConfig, step: int) -> Sampling:
        """As a run's config says of that step."""
        return cls(
            config.max_new_tokens_at(step),
            temperature=config.temperature,
            top_p=config.top_p,
            min_new_tokens=config.min_new_tokens,
            stop=tuple(config.stop),
            max_sequences=config.engine.max_sequences,
            routing_replay=config.routing_replay,
        )


class Weights(NamedTuple):
    """Which weights wrote a completion."""

    version: int
    """Optimiser steps the policy had seen."""
    fingerprint: str

    def __str__(self) -> str:
        return f"policy version {self.version} (fingerprint {self.fingerprint or 'none'})"


FinishReason = Literal["stop", "length", "unfinished"]


@dataclass(frozen=True)
class Completion:
    """One sampled continuation.

    `finish_reason` is "stop" behind an end token, which is the last of `tokens`, or behind a stop
    string, which is then `stop` and stands at the end of the text; "length" at the limit; and
    "unfinished" where it was left to be continued (`Carry`). `logprobs` belong
    to the tokens one by one, under the policy at the sampling temperature: before top-p cut it, and
    with the end token where a least length forbade it, as the trainer computes them.
    """

    tokens: list[int]
    logprobs: list[float]
    finish_reason: FinishReason
    stop: str | None = None
    experts: npt.NDArray[np.int16] | None = field(default=None, compare=False)
    """With routing replay: which experts each token took that the model read, of prompt and
    completion but the last, [tokens, sparse layers, experts of a token]."""
    weights: Weights | None = None
    """None where it was sampled from the trained model itself, not from a copy handed over."""


@dataclass(frozen=True)
class Carry:
    """The long tail of a call, carried over to the next."""

    leave: int = 0
    """End the call when no more sequences than this still run and none waits. Counted by steps of
    the model, never by the clock, so that it happens again alike; each thread leaves its share."""
    begun: Mapping[int, Completion] = field(default_factory=dict)
    """Completions of an earlier call, by their number in the result. Unfinished ones are gone on
    with: they keep tokens and log-probabilities; what is read anew is their text. Others stay as
    they are."""

    @property
    def ended(self) -> dict[int, Completion]:
        """Those that stay as they are."""
        return {
            number: each
            for number, each in self.begun.items()
            if each.finish_reason != "unfinished"
        }


Done = Callable[[int, Completion], None]
"""Told of a finished completion and its number in the result, from any thread."""


class SamplingError(RuntimeError):
    """The policy cannot be sampled from; the message says why."""


class Guesses(NamedTuple):
    """How many tokens a speculative engine guessed, and how many of them the policy kept."""

    made: int
    stood: int


class Engine(Protocol):
    """Samples from the policy as it is at the moment of the call."""

    guesses: Guesses
    """Of the latest call; none where the engine does not guess."""

    def generate(
        self,
        prompts: list[list[int]],
        *,
        group_size: int = 1,
        first_member: int = 0,
        sampling: Sampling,
        seeds: list[int],
        eos_id: int | None,
        done: Done | None = None,
        carry: Carry | None = None,
    ) -> list[Completion]:
        """`group_size` completions of each prompt, the groups in the order of the prompts. They
        are numbered in their group from `first_member` on: those before are written elsewhere.

        `seeds` are the prompts', below 2⁶³: what is drawn for a completion follows from its
        prompt's seed, its number in the group and the token's number, whatever else is sampled
        beside it. `done` is told of each completion as soon as it has ended, not of unfinished
        ones. Where `carry` goes on with a completion its noise goes on too: what comes out is what
        would have come out without the break, by the policy as it is now; speculation alone pairs
        tokens differently then, to the same distribution.
        """
        ...


class Streams(Engine, Protocol):
    """An engine that also gives tokens as they come."""

    def stream(
        self,
        prompt: list[int],
        *,
        count: int,
        sampling: Sampling,
        seed: int,
        eos_id: int | None,
        done: Done,
    ) -> Iterator[dict[int, list[int]]]:
        """`count` completions of one prompt, the very ones that `generate` gives: at each step the
        tokens that have come, by the number of the completion. Who stops asking ends it. `done` is
        told of each completion before its last tokens are given."""
        ...


def check_prompts(
    prompts: list[list[int]], seeds: list[int], max_new_tokens: int, limit: int | None
) -> None:
    """Raise `SamplingError` for a prompt that is empty, or that leaves no room for
    `max_new_tokens` in a model of `limit` positions (None: any number), and when seeds are
    missing."""
    if len(seeds) != len(prompts):
        raise SamplingError(f"{len(prompts)} prompts have {len(seeds)} seeds: give one for each")
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise SamplingError(f"prompt {index} is empty: give at least one token")
        if limit is not None and len(prompt) + max_new_tokens > limit:
            raise SamplingError(
                f"prompt {index} has {len(prompt)} tokens: with max_new_tokens "
                f"{max_new_tokens} it exceeds max_position_embeddings ({limit})"
            )
