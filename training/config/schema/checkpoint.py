"""Checkpoints."""

from pydantic import Field

from training.config.schema.base import Strict, unit


class CheckpointConfig(Strict):
    """When the state is written, and how much of it is kept."""

    every_steps: int = Field(50, ge=1, json_schema_extra=unit("steps"))
    keep_last: int = Field(3, ge=1, le=1000, json_schema_extra=unit("checkpoints"))
