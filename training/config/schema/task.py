"""What the policy is asked: one variant a class, told apart by `type`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from training.config.schema.base import Strict, fail
from training.config.schema.reasoning_gym import ReasoningGymName

Option = int | float | bool | str | list[int] | list[float] | list[str]


class _Asked(Strict):
    """How a question becomes a prompt."""

    type: str
    template: Literal["r1", "chat"] = Field(
        "r1",
        description="How a question becomes a prompt: R1's <think>, <answer> instruction, or the "
        "chat template of the model's own tokenizer.",
    )
    system_prompt: str | None = Field(
        None,
        max_length=20_000,
        description="Said before the question in a chat. Null asks for R1's <think>, <answer> "
        "form, which the rewards read; empty leaves it out. Only with template chat.",
    )

    @model_validator(mode="after")
    def _chats(self) -> Self:
        if self.system_prompt is not None and self.template != "chat":
            raise PydanticCustomError(
                "does_not_fit",
                "Only template chat has a system prompt: set the template to chat, or leave "
                "system_prompt out.",
            )
        return self


class ReasoningGymConfig(_Asked):
    """Problems of one generator of the reasoning-gym package, scored by its own verifier."""

    type: Literal["reasoning_gym"] = "reasoning_gym"
    name: ReasoningGymName = Field("chain_sum", description="Task of the reasoning-gym package.")
    options: dict[str, Option] = Field(
        default_factory=dict,
        description="Options of the task's generator, for example min_terms, max_terms, min_digits "
        "and max_digits of chain_sum.",
    )


SingleTaskConfig = ReasoningGymConfig
"""Every task but a mixture of them."""


class PartConfig(Strict):
    """One task of a mixture."""

    weight: float = Field(1.0, ge=0, le=1e6, description="Share of the problems, over the sum.")
    name: str = Field(
        "",
        max_length=60,
        pattern=r"^[\w.-]*$",
        description="What metrics call this part; empty: the task's own name.",
    )
    task: SingleTaskConfig

    @property
    def label(self) -> str:
        return self.name or task_name(self.task)


class MixtureConfig(Strict):
    """Several tasks, each asked for its share of the problems, each with its own template."""

    type: Literal["mixture"] = "mixture"
    parts: list[PartConfig] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _weigh_something(self) -> "MixtureConfig":
        total = sum(part.weight for part in self.parts)
        if total == 0:
            raise fail("task.parts", "All weights are 0: set at least one above 0.")
        for place, part in enumerate(self.parts):
            if 0 < part.weight < total / 1000:
                raise fail(
                    f"task.parts.{place}.weight",
                    f"{part.weight:g} of {total:g} is less than one problem in a thousand: "
                    "take more, or 0 to leave the part out.",
                )
        return self

    @model_validator(mode="after")
    def _have_names(self) -> "MixtureConfig":
        labels = [part.label for part in self.parts]
        for place, label in enumerate(labels):
            if label in labels[:place]:
                raise fail(
                    f"task.parts.{place}.name",
                    f"Two parts are called {label}: give one of them another name.",
                )
        return self


TaskConfig = Annotated[ReasoningGymConfig | MixtureConfig, Field(discriminator="type")]


def task_name(config: ReasoningGymConfig) -> str:
    """What metrics and rollouts call a task."""
    return config.name
