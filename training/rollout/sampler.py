"""Which engine samples from a policy."""

from __future__ import annotations

from training.model import Policy
from training.model.causal_lm import CausalLM
from training.rollout.engine import Engine
from training.rollout.native import NativeEngine
from training.rollout.transformers_engine import TransformersEngine


def sampler_of(policy: Policy) -> Engine:
    """Ours for our model; for the others one that decodes with transformers' forward."""
    if isinstance(policy, CausalLM):
        return TransformersEngine(policy)
    return NativeEngine(policy)
