"""What is kept of rollouts."""

from typing import Literal

from pydantic import Field

from training.config.schema.base import Strict, unit


class RolloutsConfig(Strict):
    """What is kept of completions, besides text and rewards."""

    token_detail: Literal["none", "some", "all"] = Field(
        "some",
        description="Of which groups every token's log-probability, entropy and distance between "
        "sampler and trainer are kept: about 3 bytes a token in the journal, 2 in the database.",
    )
    detailed_groups: int = Field(
        2,
        ge=1,
        le=1000,
        description="With some: of so many groups a step.",
        json_schema_extra=unit("groups"),
    )
