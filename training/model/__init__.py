"""The models that jobs train: DeepSeek-V3-style ones, and others by transformers' classes."""

from training.model.config import ModelConfig, ModelConfigError, YarnScaling
from training.model.logprobs import CompletionLogprobs, MtpMode
from training.model.policy import Policy, completion_logprobs
from training.model.transformer import (
    Transformer,
    expert_counts,
    reset_expert_counts,
    update_expert_bias,
)

__all__ = [
    "CompletionLogprobs",
    "ModelConfig",
    "ModelConfigError",
    "MtpMode",
    "Policy",
    "Transformer",
    "YarnScaling",
    "completion_logprobs",
    "expert_counts",
    "reset_expert_counts",
    "update_expert_bias",
]
