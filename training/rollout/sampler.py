"""Which engine samples from a policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.config import SamplingConfig
from training.distributed.process import Process
from training.model import Policy
from training.model.causal_lm import CausalLM
from training.rollout.engine import Engine, SamplingError, Streams
from training.rollout.native import NO_GUESSER, NativeEngine
from training.rollout.stopping import Decode
from training.rollout.transformers_engine import TransformersEngine
from training.rollout.vllm import peer
from training.rollout.vllm.engine import VllmEngine
from training.rollout.vllm.session import Session
from training.tokenizer import TextTokenizer

MakeSampler = Callable[[Policy, int], Engine]
"""The engine for a policy that has seen so many optimiser steps."""


def samplers(
    config: SamplingConfig, process: Process, run_dir: Path, tokenizer: TextTokenizer
) -> MakeSampler:
    """The engines of a run. Where vLLM writes, this starts it: call it from the main thread.
    Raises `SamplingError`."""
    if config.engine.type == "vllm":
        reached = peer.reach(config.engine, process.rank, process.device, run_dir)
        session = Session(reached, config.engine, tokenizer.as_json() if config.stop else None)
        return lambda policy, version: VllmEngine(session, policy, version)
    settings: dict[str, Any] = {"speculative": config.speculative, "decode": tokenizer.decode}
    return lambda policy, _: sampler_of(policy, **settings)


def sampler_of(
    policy: Policy, *, speculative: bool = False, decode: Decode | None = None
) -> Streams:
    """Ours for our model; for the others one that decodes with transformers' forward. `decode`
    tells the text of tokens, for stop strings.

    Raises `SamplingError` when `speculative` is asked of a model that cannot guess.
    """
    if isinstance(policy, CausalLM):
        if speculative:
            raise SamplingError(NO_GUESSER)
        return TransformersEngine(policy, decode=decode)
    return NativeEngine(policy, speculative=speculative, decode=decode)
