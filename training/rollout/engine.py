"""What every sampling engine does: prompts in, completions with their log-probabilities out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol


@dataclass(frozen=True)
class Completion:
    """One sampled continuation.

    `tokens` ends with the end-of-sequence token when `finish_reason` is "stop". `logprobs` belong
    to the tokens one by one, under the policy at the sampling temperature (before top-p cut it).
    """

    tokens: list[int]
    logprobs: list[float]
    finish_reason: Literal["stop", "length"]


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
        max_new_tokens: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int,
        eos_id: int | None,
    ) -> list[Completion]:
        """`group_size` completions of each prompt, the groups in the order of the prompts.

        Temperature 0 takes the likeliest token. The same weights, arguments and seed give the
        same completions.
        """
        ...
