"""Checkpoints."""

from pydantic import Field

from training.config.schema.base import Strict, unit


class CheckpointConfig(Strict):
    """When the state is written, and how much of it is kept."""

    every_steps: int = Field(50, ge=1, json_schema_extra=unit("steps"))
    keep_last: int = Field(
        3,
        ge=1,
        le=1000,
        description="The newest so many stay; older ones are removed.",
        json_schema_extra=unit("checkpoints"),
    )
    keep_best: int = Field(
        1,
        ge=0,
        le=1000,
        description="So many with the highest held-out pass@1 stay besides; it counts where it was "
        "measured at the checkpoint's own step.",
        json_schema_extra=unit("checkpoints"),
    )
    keep_every_steps: int = Field(
        0,
        ge=0,
        description="Those of every so many steps stay for good; 0: none.",
        json_schema_extra=unit("steps"),
    )
