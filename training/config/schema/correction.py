"""What makes up for the sampler not being the trainer."""

from typing import Literal

from pydantic import Field, model_validator

from training.config.schema.base import Strict, fail


class CorrectionConfig(Strict):
    """The loss is weighed by the ratio of the trainer's probability to the sampler's."""

    level: Literal["token", "sequence"] = Field(
        "token", description="A ratio for each token, or one for the whole completion."
    )
    mode: Literal["truncate", "mask"] = Field(
        "truncate", description="Too large a ratio is cut down to the maximum, or weighs nothing."
    )
    max: float = Field(2.0, gt=0, description="Largest ratio.")
    min: float | None = Field(
        None,
        gt=0,
        description="Mask only: a smaller ratio weighs nothing. Not set: none is too small.",
    )

    @model_validator(mode="after")
    def _min_fits(self) -> "CorrectionConfig":
        if self.min is not None and self.mode == "truncate":
            raise fail(
                "grpo.correction.min",
                "Truncation only cuts from above: take it out, or set grpo.correction.mode to "
                "mask.",
            )
        if self.min is not None and self.min >= self.max:
            raise fail(
                "grpo.correction.min", f"{self.min:g} is not below grpo.correction.max: lower it."
            )
        return self
