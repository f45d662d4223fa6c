"""The shape of a DeepSeek-V2 or V3 model, which the memory calculator shares: it may not import
torch, as the rest of this package does."""

from training.config.model_shape import ModelConfig, ModelConfigError, YarnScaling, yarn_mscale

__all__ = ["ModelConfig", "ModelConfigError", "YarnScaling", "yarn_mscale"]
