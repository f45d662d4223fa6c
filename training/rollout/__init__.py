"""Sampling engines."""

from training.rollout.engine import Carry, Completion, Engine, Sampling, Weights
from training.rollout.native import NativeEngine
from training.rollout.sampler import MakeSampler, sampler_of, samplers

__all__ = [
    "Carry",
    "Completion",
    "Engine",
    "MakeSampler",
    "NativeEngine",
    "Sampling",
    "Weights",
    "sampler_of",
    "samplers",
]
