"""Prompts that teach nothing are replaced."""

from pydantic import Field

from training.config.schema.base import Strict, unit


class DynamicSamplingConfig(Strict):
    """DAPO's dynamic sampling: a group whose rewards are all alike is replaced by that of a new
    prompt, until the collection is full of groups that teach something."""

    max_rounds: int = Field(
        10,
        ge=1,
        le=1000,
        description="Rounds of new prompts for one collection. After the last, groups of equal "
        "rewards take the places that are still empty.",
        json_schema_extra=unit("rounds"),
    )
