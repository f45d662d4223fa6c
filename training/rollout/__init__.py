"""Sampling engines."""

from training.rollout.engine import Completion, Engine, Sampling
from training.rollout.native import NativeEngine
from training.rollout.sampler import sampler_of

__all__ = ["Completion", "Engine", "NativeEngine", "Sampling", "sampler_of"]
