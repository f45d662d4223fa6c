"""Pretraining of a base model."""

from typing import Literal

from pydantic import Field

from training.config.schema.base import Fraction, Strict, unit
from training.config.schema.model import DenseConfig, ModelConfig


class PretrainConfig(Strict):
    """Pretraining of a small base model on generated arithmetic text."""

    seed: int = Field(0, ge=0, lt=2**31)
    model: ModelConfig = ModelConfig()
    dense: DenseConfig | None = Field(
        None, description="A dense Llama of these dimensions, in the place of `model`."
    )
    steps: int = Field(1000, ge=1)
    documents_per_step: int = Field(128, ge=1, json_schema_extra=unit("documents"))
    learning_rate: float = Field(2e-3, gt=0, le=1)
    warmup_steps: int = Field(50, ge=0)
    weight_decay: float = Field(0.1, ge=0, le=1)
    expert_bias_rate: float = Field(1e-3, ge=0, le=1)
    balance_loss: float = Field(0.0, ge=0, le=1, description="α of the sequence-wise balance loss.")
    mtp_weight: float = Field(0.3, ge=0, le=10, description="λ of multi-token prediction.")
    moment_dtype: Literal["fp32", "bf16"] = "fp32"
    dtype: Literal["auto", "bf16", "fp32", "fp8"] = "auto"
    careful_share: Fraction = Field(
        0.25, description="Share of worked documents that are right throughout; the rest slips."
    )
