"""What a completion is rewarded for."""

from pydantic import Field

from training.config.schema.base import Strict


class RewardConfig(Strict):
    """Rule rewards; the total is the weighted sum of the parts."""

    accuracy: float = Field(
        1.0, ge=0, le=100, description="Weight of the answer being right, by the task's verifier."
    )
    format: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Weight of the form: one <think> part, then one <answer>, nothing else.",
    )
