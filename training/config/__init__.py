"""What a run is asked to do, as data. Imports only the standard library and pydantic."""

from training.config.presets import Resolved, preset_names, preset_overrides, resolve
from training.config.problems import ConfigError, Problem
from training.config.schema import (
    CheckpointConfig,
    EvaluationConfig,
    GrpoConfig,
    HardwareConfig,
    ModelConfig,
    NativeSampler,
    OptimConfig,
    PretrainConfig,
    RewardConfig,
    RunConfig,
    SamplingConfig,
    TaskConfig,
    VllmSampler,
    json_schema,
)

__all__ = [
    "CheckpointConfig",
    "ConfigError",
    "EvaluationConfig",
    "GrpoConfig",
    "HardwareConfig",
    "ModelConfig",
    "NativeSampler",
    "OptimConfig",
    "PretrainConfig",
    "Problem",
    "Resolved",
    "RewardConfig",
    "RunConfig",
    "SamplingConfig",
    "TaskConfig",
    "VllmSampler",
    "json_schema",
    "preset_names",
    "preset_overrides",
    "resolve",
]
