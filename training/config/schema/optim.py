"""The optimiser."""

from typing import Literal

from pydantic import Field

from training.config.schema.base import Strict, unit


class OptimConfig(Strict):
    """AdamW."""

    learning_rate: float = Field(3e-4, gt=0, le=1)
    warmup_steps: int = Field(0, ge=0, json_schema_extra=unit("steps"))
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0, le=1)
    grad_clip: float = Field(
        1.0, gt=0, description="The gradient is scaled down to this norm when it is larger."
    )
    expert_bias_rate: float = Field(
        0.001,
        ge=0,
        le=1,
        description="γ: how far the experts' selection bias moves against their load each step.",
    )
    balance_loss: float = Field(
        0.0,
        ge=0,
        le=1,
        description="α: weight of the sequence-wise expert balance loss. V3: 0.0001.",
    )
    mtp_weight: float = Field(
        0.1,
        ge=0,
        le=10,
        description="λ: weight of the multi-token prediction loss, for models with such a layer.",
    )
    moment_dtype: Literal["fp32", "bf16"] = Field(
        "fp32", description="AdamW's moments. V3 keeps them in bf16: 4 bytes a weight less."
    )
