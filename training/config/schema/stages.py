"""The stages of a pipeline: what each does, from which weights, on which data."""

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from training.config.schema.base import Fraction, Strict, unit
from training.config.schema.evaluation import EvaluationConfig
from training.config.schema.grpo import GrpoConfig
from training.config.schema.optim import OptimConfig
from training.config.schema.reward import Language, RewardConfig
from training.config.schema.sampling import SamplingConfig
from training.config.schema.task import ReasoningGymConfig, TaskConfig

StageName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Source = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
PREVIOUS, BASE = "previous", "base"
RESERVED = frozenset({PREVIOUS, BASE})
PRODUCT = re.compile(r"stage:([a-z][a-z0-9_]{0,39})")
"""How `reward.model.path` names what a stage before has made."""


SHIPPED = frozenset({"nano-base", "nano-dense"})
"""Models that come with the project."""


def is_outside(source: str) -> bool:
    """Whether a source is a directory, a file or a shipped model, not the name of a stage."""
    return "/" in source or source in SHIPPED


class _Stage(Strict):
    type: str
    start: Source = Field(
        PREVIOUS,
        description="Weights it begins with: previous (those that the stages before left), base "
        "(model.path), the name of a stage before it, a shipped model, or a directory.",
    )


class _Samples(_Stage):
    """A stage that has completions written and scored."""

    task: TaskConfig = ReasoningGymConfig()
    reward: RewardConfig = RewardConfig()
    sampling: SamplingConfig = SamplingConfig()


class _Evaluates(Strict):
    evaluation: EvaluationConfig = EvaluationConfig()


class GrpoStageConfig(_Samples, _Evaluates):
    """Reinforcement learning, by the tables of the same names."""

    type: Literal["grpo"] = "grpo"
    grpo: GrpoConfig = GrpoConfig()
    optim: OptimConfig = OptimConfig()


class _Supervised(_Evaluates):
    """Next-token prediction on completions that somebody has written."""

    task: TaskConfig = Field(ReasoningGymConfig(), description="What it is evaluated on.")
    sampling: SamplingConfig = Field(SamplingConfig(), description="Of its evaluation.")
    optim: OptimConfig = OptimConfig()
    data: list[Source] = Field(
        min_length=1,
        max_length=64,
        description="What it learns: names of rejection_sampling stages before it, or .jsonl files "
        "whose rows have prompt and completion, or messages.",
    )
    steps: int = Field(100, ge=1, le=10_000_000, json_schema_extra=unit("steps"))
    sequences_per_step: int = Field(
        128, ge=1, le=1_000_000, json_schema_extra=unit("sequences"), description="R1: 128."
    )
    final_learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        description="The learning rate falls to this along a cosine (R1: from 5e-5 to 5e-6); null "
        "keeps it.",
    )


class SftStageConfig(_Supervised, _Stage):
    """Supervised fine-tuning."""

    type: Literal["sft"] = "sft"


class DistillStageConfig(_Supervised):
    """Supervised fine-tuning of another model, a smaller one."""

    type: Literal["distill"] = "distill"
    student: Source = Field(
        description="The model that learns, named like model.path.",
    )


class KeepConfig(Strict):
    """Which completions rejection sampling keeps. Each has to pass all of it."""

    right: bool = Field(True, description="Only those whose answer is right.")
    formed: bool = Field(True, description="Only those in the form that the rewards ask for.")
    per_prompt: int = Field(
        1,
        ge=1,
        le=4096,
        json_schema_extra=unit("completions"),
        description="Of a prompt's at most so many: those of the highest reward, of equal ones the "
        "shorter.",
    )
    language: Language | None = Field(
        None, description="Only those that think in this language; null: any."
    )
    language_share: Fraction = Field(0.95, description="So much of the thinking, at least.")
    most_repeated: Fraction = Field(
        1.0, description="Most of a completion's three-word sequences that may repeat earlier ones."
    )
    longest_paragraph: int = Field(
        0,
        ge=0,
        json_schema_extra=unit("characters"),
        description="Completions with a longer paragraph are dropped, as R1 did; 0: none is.",
    )
    code_blocks: bool = Field(
        True, description="Keep completions with ``` blocks in them; R1 dropped them."
    )


class RejectionSamplingStageConfig(_Samples):
    """Has completions written and keeps the good ones, as data for stages after it."""

    type: Literal["rejection_sampling"] = "rejection_sampling"
    steps: int = Field(10, ge=1, le=10_000_000, json_schema_extra=unit("steps"))
    prompts_per_step: int = Field(32, ge=1, le=65536, json_schema_extra=unit("prompts"))
    completions_per_prompt: int = Field(4, ge=2, le=4096, json_schema_extra=unit("completions"))
    keep: KeepConfig = KeepConfig()


class RewardModelStageConfig(_Samples):
    """Trains a reward model on pairs of completions of one prompt, of which `reward` says which is
    the better one: a judge, or rules."""

    type: Literal["reward_model"] = "reward_model"
    optim: OptimConfig = OptimConfig()
    steps: int = Field(50, ge=1, le=10_000_000, json_schema_extra=unit("steps"))
    prompts_per_step: int = Field(32, ge=1, le=65536, json_schema_extra=unit("prompts"))
    completions_per_prompt: int = Field(4, ge=2, le=4096, json_schema_extra=unit("completions"))
    least_gap: float = Field(
        1.0, gt=0, le=1000, description="Rewards of a pair differ by so much at least. R1: 1."
    )
    reads: Literal["completion", "answer"] = Field(
        "answer", description="What it is shown: everything, or the answer alone, as in R1."
    )
    final_learning_rate: float | None = Field(
        None, gt=0, le=1, description="Falls to this along a cosine; null keeps it."
    )


class EvaluateStageConfig(_Evaluates):
    """Evaluates what the stages have made, one model a step, all on the same problems."""

    type: Literal["evaluate"] = "evaluate"
    models: list[Source] = Field(
        min_length=1,
        max_length=64,
        description="Names of stages before it, base, or directories.",
    )
    task: TaskConfig = ReasoningGymConfig()
    sampling: SamplingConfig = SamplingConfig()


StageConfig = Annotated[
    GrpoStageConfig
    | SftStageConfig
    | DistillStageConfig
    | RejectionSamplingStageConfig
    | RewardModelStageConfig
    | EvaluateStageConfig,
    Field(discriminator="type"),
]
StageKind = Literal["grpo", "sft", "distill", "rejection_sampling", "reward_model", "evaluate"]

TABLES = ("task", "reward", "grpo", "sampling", "optim", "evaluation")
"""Tables of a run that a stage may have too; what it leaves open is as in the run's own."""
TRAINS_POLICY = frozenset({"grpo", "sft", "distill"})
"""Types of stages whose checkpoints are policies."""


def tables_of(kind: object) -> tuple[str, ...]:
    """Which of `TABLES` a stage of this type has; none of a type that there is not."""
    fields: dict[str, object] = {}
    for stage in (
        GrpoStageConfig, SftStageConfig, DistillStageConfig, RejectionSamplingStageConfig,
        RewardModelStageConfig, EvaluateStageConfig,
    ):  # fmt: skip
        if stage.model_fields["type"].default == kind:
            fields = dict(stage.model_fields)
    return tuple(name for name in TABLES if name in fields)
