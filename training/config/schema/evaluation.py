"""Held-out evaluation."""

from pydantic import Field

from training.config.schema.base import Strict, unit


class EvaluationConfig(Strict):
    """Held-out problems, never trained on."""

    every_steps: int = Field(
        20, ge=0, description="0 switches evaluation off.", json_schema_extra=unit("steps")
    )
    problems: int = Field(256, ge=1, le=100_000, json_schema_extra=unit("problems"))
    completions_per_problem: int = Field(1, ge=1, le=1024, json_schema_extra=unit("completions"))
    temperature: float = Field(1.0, ge=0, le=10, description="0 takes the likeliest token.")
    top_p: float = Field(1.0, gt=0, le=1)
