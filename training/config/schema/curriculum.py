"""What is asked next follows from how the last problems went."""

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from training.config.schema.base import Fraction, Strict, unit


class LevelsConfig(Strict):
    """One difficulty for all problems of a generator, moved by their pass rate."""

    raise_above: Fraction = Field(
        0.8, description="A level up when this share of completions was right, or more."
    )
    lower_below: Fraction = Field(
        0.2, description="A level down when this share was right, or less."
    )
    window: int = Field(
        64,
        ge=1,
        le=100_000,
        description="Problems of the present level after which this is decided.",
        json_schema_extra=unit("problems"),
    )
    highest: int | None = Field(
        None, ge=0, le=1000, description="Never above this level; null: up to the package's last."
    )

    @model_validator(mode="after")
    def _leave_room(self) -> "LevelsConfig":
        if self.lower_below >= self.raise_above:
            raise PydanticCustomError(
                "does_not_fit", "lower_below has to be less than raise_above: lower it."
            )
        return self


class PassRatesConfig(Strict):
    """Ask what was never measured, and what was right often enough and not too often."""

    at_least: Fraction = Field(
        0.1, description="Lowest pass rate of a problem that is worth asking again."
    )
    at_most: Fraction = Field(0.9, description="Highest pass rate of one.")

    @model_validator(mode="after")
    def _is_a_window(self) -> "PassRatesConfig":
        if self.at_least > self.at_most:
            raise PydanticCustomError(
                "does_not_fit", "at_least has to be no more than at_most: lower it."
            )
        return self
