"""What a completion is rewarded for."""

from pydantic import Field

from training.config.schema.base import Strict, unit


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
    workers: int = Field(
        2,
        ge=1,
        le=256,
        json_schema_extra=unit("processes"),
        description="Processes in which rewards are computed, for each process that trains.",
    )
    timeout_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        json_schema_extra=unit("s"),
        description="Longest that one reward of one completion may take; then its process is "
        "killed, and the completion counts as not scored, never as wrong.",
    )
