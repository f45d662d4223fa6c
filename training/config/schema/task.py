"""What the policy is asked: one variant a class, told apart by `type`."""

import re
from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from training.config.schema.base import Strict, fail, unit
from training.config.schema.curriculum import LevelsConfig, PassRatesConfig
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
        description="Said before the question in a chat. Not set, it asks for R1's <think>, "
        "<answer> form, which the rewards read; empty leaves it out. Only with template chat.",
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
    level: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Level of the package's own curriculum for this task, 0 the easiest; options "
        "count above it. Not set: no levels, or with a curriculum 0.",
    )
    curriculum: LevelsConfig | None = Field(
        None, description="Moves the level by the measured pass rate. Not set: it stays."
    )


class FromFilesConfig(_Asked):
    """Problems that are rows of files."""

    path: str = Field(
        min_length=1,
        max_length=1024,
        description="A .jsonl, .jsonl.gz or .parquet file; * stands for any part of a name and "
        "takes several. On the node, or with `dataset` inside that.",
    )
    dataset: str | None = Field(
        None,
        pattern=r"^[\w-][\w.-]*/[\w.-]*[\w-]$",
        max_length=200,
        description="Dataset on the Hugging Face hub, owner/name. Not set: the file is on the "
        "node.",
    )
    held_out_path: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="File with the problems for evaluation, found like `path`; none of its "
        "questions is trained on. Not set: the sixteenth of `path` that the questions' hash "
        "chooses.",
    )
    curriculum: PassRatesConfig | None = Field(
        None, description="Chooses problems by their measured pass rate. Not set: all in turn."
    )
    licence: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Licence of the files, for the dataset's card. Not set: as a README beside "
        "them says.",
    )
    scan: bool = Field(
        False,
        description="Estimate before training which share of the texts looks machine-written, for "
        "the dataset's card.",
    )


class FileTaskConfig(FromFilesConfig):
    """Prompts and answers from JSONL or Parquet files."""

    type: Literal["file"] = "file"
    question_field: str = Field(
        "question",
        min_length=1,
        max_length=200,
        description="Field with the question; dots lead into nested ones: messages.0.content.",
    )
    answer_field: str = Field(
        "answer", min_length=1, max_length=200, description="Field with the answer, likewise."
    )
    verifier: Literal["math", "exact", "gsm8k"] = Field(
        "math",
        description="How answers are compared: as mathematics (of a worked solution its last "
        "\\boxed{}), as the very text, or as the number that follows #### in GSM8K.",
    )


class CodeTaskConfig(FromFilesConfig):
    """Python to be written, right when it passes the tests of its row: HumanEval's `prompt`,
    `entry_point` and `test`, or `prompt` and `tests`, a list of `input` and `output`."""

    type: Literal["code"] = "code"
    seconds: int = Field(
        2,
        ge=1,
        le=600,
        json_schema_extra=unit("s"),
        description="Processor time that a program may take for each test; on the clock it may "
        "take three times as long.",
    )
    memory_mib: int = Field(
        512,
        ge=64,
        le=65536,
        json_schema_extra=unit("MiB"),
        description="Memory that each process of a program may take.",
    )


class PythonTaskConfig(_Asked):
    """A task of your own: one Python file on the node."""

    type: Literal["python"] = "python"
    path: str = Field(
        min_length=1,
        max_length=1024,
        description="A .py file with problem(rng, options) and, if need be, "
        "is_right(answer, problem). It runs in the trainer: take only files you trust.",
    )
    options: dict[str, Option] = Field(
        default_factory=dict, description="Given to problem() as they are."
    )


SingleTaskConfig = Annotated[
    ReasoningGymConfig | FileTaskConfig | CodeTaskConfig | PythonTaskConfig,
    Field(discriminator="type"),
]
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
    curriculum: PassRatesConfig | None = Field(
        None, description="Chooses parts by their measured pass rate. Not set: by weight alone."
    )

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


TaskConfig = Annotated[
    ReasoningGymConfig | FileTaskConfig | CodeTaskConfig | PythonTaskConfig | MixtureConfig,
    Field(discriminator="type"),
]


def task_name(config: SingleTaskConfig) -> str:
    """What metrics and rollouts call a task: its name, or its file's."""
    if isinstance(config, ReasoningGymConfig):
        return config.name
    return re.sub(r"[^\w.-]+", "-", PurePath(config.path).name.partition(".")[0]).strip("-")
