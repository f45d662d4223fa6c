"""The DeepSeek-V3-style model that every job trains."""

from training.model.config import ModelConfig, ModelConfigError, YarnScaling
from training.model.logprobs import CompletionLogprobs, MtpMode, completion_logprobs
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
    "Transformer",
    "YarnScaling",
    "completion_logprobs",
    "expert_counts",
    "reset_expert_counts",
    "update_expert_bias",
]
