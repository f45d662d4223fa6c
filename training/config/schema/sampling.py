"""How completions are drawn."""

from typing import Literal

from pydantic import Field

from training.config.schema.base import Strict, unit


class SamplingConfig(Strict):
    """How completions are drawn from the policy."""

    engine: Literal["native"] = "native"
    speculative: bool = Field(
        False,
        description="The multi-token prediction layer drafts and the model checks: the same "
        "distribution, fewer passes. Needs a model with such a layer.",
    )
    max_new_tokens: int = Field(
        64, ge=1, le=131072, description="Longest completion.", json_schema_extra=unit("tokens")
    )
    temperature: float = Field(1.0, gt=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)
