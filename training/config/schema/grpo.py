"""The algorithm."""

from pydantic import Field

from training.config.schema.base import Strict, unit
from training.config.schema.correction import CorrectionConfig
from training.config.schema.dynamic_sampling import DynamicSamplingConfig
from training.config.schema.loss import GrpoLoss, Loss


class GrpoConfig(Strict):
    """Group Relative Policy Optimization, as in the DeepSeek-R1 paper unless `loss` says other."""

    steps: int = Field(300, ge=1, le=10_000_000, description="Optimiser steps in all.")
    prompts_per_step: int = Field(
        8,
        ge=1,
        le=65536,
        description="Distinct questions in a step.",
        json_schema_extra=unit("prompts"),
    )
    group_size: int = Field(
        16,
        ge=2,
        le=4096,
        description="Completions sampled for each question; the advantage compares them.",
        json_schema_extra=unit("completions"),
    )
    steps_per_collection: int = Field(
        1,
        ge=1,
        le=1024,
        description="Optimiser steps taken on one collection of rollouts (R1: 16). One is "
        "on-policy.",
        json_schema_extra=unit("steps"),
    )
    loss: Loss = Field(GrpoLoss(), description="The variant, by its type, with its own numbers.")
    correction: CorrectionConfig | None = Field(
        None,
        description="Importance sampling between the sampler's probabilities and the trainer's; "
        "null takes them as equal.",
    )
    dynamic_sampling: DynamicSamplingConfig | None = Field(
        None,
        description="Replace groups of equal rewards by those of new prompts; null trains on them.",
    )
    mask_truncated: bool = Field(
        False,
        description="Leave completions that were cut off at their longest out of the loss.",
    )
    kl_coef: float = Field(
        0.001, ge=0, le=10, description="Weight β of the k3 KL to the reference policy."
    )
    ref_refresh_steps: int = Field(
        400,
        ge=0,
        description="The reference policy is replaced by the policy each so many steps; 0 never.",
        json_schema_extra=unit("steps"),
    )
