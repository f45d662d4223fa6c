"""The vLLM engine: a model and a version of it, written from by a sampler in another process."""

from __future__ import annotations

import hashlib

from training.model import Policy
from training.model.causal_lm import CausalLM
from training.rollout.engine import (
    Carry,
    Completion,
    Done,
    Guesses,
    Sampling,
    SamplingError,
    check_prompts,
)
from training.rollout.vllm.session import Session

NO_CARRY = (
    "sampling.engine: vLLM cannot go on with another call's completions; take the native engine."
)


class VllmEngine:
    """Samples from `model` as it is at the moment of the call; `version` is how many optimiser
    steps it has seen by then."""

    def __init__(self, session: Session, model: Policy, version: int) -> None:
        self.model, self.version, self.guesses = model, version, Guesses(0, 0)
        self._session = session

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
        """See `Engine.generate`. The model's own end tokens end a sequence beside `eos_id`, unless
        that is None. Raises SamplingError when the sampler fails, and StaleWeightsError."""
        if carry is not None:
            raise SamplingError(NO_CARRY)
        check_prompts(prompts, seeds, sampling.max_new_tokens, None)
        own = self.model.eos_ids if isinstance(self.model, CausalLM) else frozenset()
        stops = [] if eos_id is None else sorted(own | {eos_id})
        members = range(first_member, first_member + group_size)
        each = [member_seed(seed, member) for seed in seeds for member in members]
        with self._session.lock:
            self._session.hand_over(self.model, self.version)
            return self._session.write(prompts, group_size, sampling, each, stops, done)


def member_seed(seed: int, member: int) -> int:
    """The seed of one completion of a prompt's group, below 2⁶³."""
    digest = hashlib.sha256(f"vllm/{seed}/{member}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
