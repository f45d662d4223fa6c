"""A language model behind an OpenAI-compatible endpoint."""

from pydantic import Field

from training.config.schema.base import Strict, unit


class EndpointConfig(Strict):
    """Where it is asked, and how patiently."""

    url: str = Field(
        pattern=r"^https?://[^\s@]+$",
        max_length=2048,
        description="Address up to /v1; /chat/completions is added.",
    )
    model: str = Field(min_length=1, max_length=256, description="Name the endpoint knows it by.")
    key_variable: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable of the trainer that holds the endpoint's key; the key "
        "itself is never part of a config.",
    )
    timeout_s: float = Field(
        60.0, gt=0, le=3600, json_schema_extra=unit("s"), description="Longest for one question."
    )
    concurrency: int = Field(
        16,
        ge=1,
        le=1024,
        json_schema_extra=unit("questions"),
        description="Questions asked at once by each process that trains.",
    )
