"""Going on after a bad day, without anybody asking."""

from pydantic import Field

from training.config.schema.base import Strict, unit


class ResumeConfig(Strict):
    """How a run goes on by itself after a crash, on a lost node, or when its machine is taken."""

    times: int = Field(
        3,
        ge=0,
        le=1000,
        description="At most so often after a person has started it; 0: never.",
        json_schema_extra=unit("times"),
    )
    delay_s: int = Field(
        30,
        ge=1,
        le=3600,
        description="Pause before the first time; later ones double, up to an hour.",
        json_schema_extra=unit("seconds"),
    )
