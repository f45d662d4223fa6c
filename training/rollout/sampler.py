"""Which engine samples from a policy."""

from __future__ import annotations

from training.model import Policy
from training.model.causal_lm import CausalLM
from training.rollout.engine import Engine, SamplingError
from training.rollout.native import NO_GUESSER, NativeEngine
from training.rollout.transformers_engine import TransformersEngine


def sampler_of(policy: Policy, *, speculative: bool = False) -> Engine:
    """Ours for our model; for the others one that decodes with transformers' forward.

    Raises `SamplingError` when `speculative` is asked of a model that cannot guess.
    """
    if isinstance(policy, CausalLM):
        if speculative:
            raise SamplingError(NO_GUESSER)
        return TransformersEngine(policy)
    return NativeEngine(policy, speculative=speculative)
