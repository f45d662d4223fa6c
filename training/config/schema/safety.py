"""Safety evaluation: what is asked of the policy, and who judges what it says."""

from typing import Annotated, Literal

from pydantic import Field

from training.config.schema.base import Strict
from training.config.schema.endpoint import EndpointConfig


class NoJudge(Strict):
    """Keywords alone: says little of what a completion means."""

    type: Literal["none"] = "none"


class EndpointJudge(EndpointConfig):
    """A language model behind an OpenAI-compatible endpoint."""

    type: Literal["endpoint"] = "endpoint"


class LocalJudge(Strict):
    """A model on the trainer's device: which of two verdicts it finds likelier."""

    type: Literal["model"] = "model"
    path: str = Field(
        min_length=1,
        max_length=1024,
        description="A shipped model, a checkpoint or a Hugging Face directory. The verdicts of a "
        "small model mean little.",
    )


SafetyJudge = Annotated[NoJudge | EndpointJudge | LocalJudge, Field(discriminator="type")]


class SafetyConfig(Strict):
    """Safety at the run's last evaluation, with and without risk control. docs/safety.md."""

    set: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="A JSONL file of prompts. Not set: those that ship with the project.",
    )
    keywords: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="A TOML file of keywords. Not set: those that ship with the project.",
    )
    judge: SafetyJudge = Field(NoJudge(), description="Who says whether a completion is safe.")
