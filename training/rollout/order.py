"""What was asked of a sampler, and what has been found of it.

A all sequences: G completions of each prompt, one group after another; E end tokens,
B sequences that run, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import torch
from torch import Tensor

from training.rollout.engine import Carry, Completion, Done, Sampling, SamplingError
from training.rollout.sampling import draw, noise, noise_keys
from training.rollout.stopping import Decode, StopStrings


@dataclass(frozen=True)
class Order:
    """One call of `Engine.generate`. Threads share it, each with sequences of its own."""

    prompts: list[list[int]]
    group_size: int
    sampling: Sampling
    ends_E: Tensor
    keys_A: Tensor
    """What the noise of each sequence follows from."""
    stop: StopStrings | None
    done: Done | None
    carry: Carry
    found: dict[int, Completion]

    @classmethod
    def of(
        cls,
        prompts: list[list[int]],
        group_size: int,
        sampling: Sampling,
        seeds: list[int],
        ends: set[int],
        done: Done | None,
        carry: Carry,
        *,
        first_member: int,
        decode: Decode | None,
        device: torch.device,
    ) -> Order:
        """`decode` is needed for stop strings (ValueError)."""
        if sampling.stop and decode is None:
            raise ValueError("stop strings need an engine that was given `decode`")
        return cls(
            prompts, group_size, sampling,
            ends_E=torch.tensor(sorted(ends), dtype=torch.long, device=device),
            keys_A=noise_keys(seeds, group_size, first_member).to(device),
            stop=StopStrings(sampling.stop, decode) if sampling.stop and decode else None,
            done=done, carry=carry, found=carry.ended,
        )  # fmt: skip

    def prompt(self, number: int) -> list[int]:
        return self.prompts[number // self.group_size]

    @property
    def count(self) -> int:
        return len(self.prompts) * self.group_size

    @cached_property
    def open(self) -> list[int]:
        """Numbers of the sequences that have not ended."""
        return [number for number in range(self.count) if number not in self.carry.ended]

    @property
    def slots(self) -> int:
        """Sequences that run at the same time."""
        return min(self.sampling.max_sequences or len(self.open), len(self.open))

    def draw(self, logits_BV: Tensor, keys_B: Tensor, counts_B: Tensor) -> tuple[Tensor, Tensor]:
        """The next tokens of sequences that have `counts_B` already, with log-probabilities."""
        noise_B = noise(keys_B, counts_B)
        allowed_BV = self.allowed(logits_BV, counts_B)
        return draw(logits_BV, noise_B, self.sampling.temperature, self.sampling.top_p, allowed_BV)

    def allowed(self, logits_BV: Tensor, counts_B: Tensor) -> Tensor:
        """Logits without the end tokens where a sequence is too short to end."""
        if not self.sampling.min_new_tokens or not len(self.ends_E):
            return logits_BV
        short_B1 = (counts_B < self.sampling.min_new_tokens)[:, None]
        return logits_BV.index_fill(1, self.ends_E, -torch.inf).where(short_B1, logits_BV)

    def stops(self, tokens_B: Tensor) -> Tensor:
        """Which of these are end tokens."""
        return (tokens_B[:, None] == self.ends_E).any(1)

    def finish(self, number: int, completion: Completion) -> None:
        """Take a sequence's result. Raises `SamplingError` for log-probabilities that are not
        finite."""
        if not all(map(isfinite, completion.logprobs)):
            raise SamplingError("the model's output is not finite: its weights have diverged")
        self.found[number] = completion
        if self.done and completion.finish_reason != "unfinished":
            self.done(number, completion)

    def completions(self) -> list[Completion]:
        return [self.found[number] for number in range(self.count)]
