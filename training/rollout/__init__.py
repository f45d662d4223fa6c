"""Sampling engines."""

from training.rollout.engine import Completion, Engine
from training.rollout.native import NativeEngine

__all__ = ["Completion", "Engine", "NativeEngine"]
