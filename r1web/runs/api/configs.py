"""Presets, the config's schema, and trying a config before starting it."""

import math
from typing import Any

from ninja import Router, Schema
from pydantic import Field

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, FieldProblem, ProblemOut
from r1web.errors import ProblemError
from r1web.runs import presets, selectors, services
from training.config import (
    ConfigError,
    Planned,
    Problem,
    RejectionSamplingStageConfig,
    RunConfig,
    StageKind,
    json_schema,
)
from training.config.memory import MemoryEstimate
from training.config.schema.stages import TRAINS_POLICY

router = Router(tags=["configs"])


class PresetOut(Schema):
    name: str
    description: str
    settings: dict[str, Any] = Field(description="What the preset itself says, nested.")
    config: dict[str, Any] = Field(description="As resolved, with every default.")


class PresetList(Schema):
    items: list[PresetOut]
    next_cursor: str | None


class ConfigIn(Schema, extra="forbid"):
    preset: str | None = None
    config: dict[str, Any] = Field(default_factory=dict, description="Overrides, nested.")
    checkpoint: int | None = None
    device_memory_bytes: int | None = Field(
        default=None,
        gt=0,
        lt=2**60,
        description="Memory of one device; that of most of the nodes' devices when left out.",
    )


class Arithmetic(Schema):
    """What a config comes to."""

    completions_per_step: int = Field(description="Prompts times group size.")
    prompts_per_process: int = Field(description="1 where several processes share a prompt, too.")
    completions_per_process: int
    longest_completion: int = Field(description="Most tokens of one, at any step.")
    max_tokens_per_step: int = Field(
        description="Most tokens sampled in one step, those of groups that are replaced included."
    )
    steps: int
    total_completions: int
    evaluations: int
    checkpoints: int
    stages: list["StageArithmetic"] = Field(
        description="In order; the figures of a step are those of the stage that has most of them."
    )


class StageArithmetic(Schema):
    name: str
    kind: StageKind
    steps: int
    completions_per_step: int = Field(description="0 of a stage that samples none.")
    total_completions: int
    evaluations: int


class Validation(Schema):
    """`config` and what follows from it are null when `problems` is not empty."""

    valid: bool
    config: dict[str, Any] | None
    overrides: dict[str, Any] | None
    digest: str | None
    arithmetic: Arithmetic | None
    memory: MemoryEstimate | None = Field(
        description="What it takes of each device; null when the model's shape is not known here."
    )
    memory_note: str | None = Field(description="Why there is no estimate.")
    problems: list[FieldProblem]


@router.get("/presets", response={200: PresetList, ERRORS: ProblemOut}, summary="Presets")
def list_presets(request: ApiRequest) -> PresetList:  # noqa: ARG001
    """What a run can be started from."""
    return PresetList(items=[PresetOut(**p) for p in presets.all_presets()], next_cursor=None)


@router.get(
    "/config-schema",
    response={200: dict[str, Any], ERRORS: ProblemOut},
    summary="JSON Schema of a run's config",
)
def get_config_schema(request: ApiRequest) -> dict[str, Any]:  # noqa: ARG001
    """With ranges, units and help, as the form in the browser uses it."""
    return json_schema()


@router.post(
    "/configs/validate", response={200: Validation, ERRORS: ProblemOut}, summary="Try a config"
)
def validate_config(request: ApiRequest, body: ConfigIn) -> Validation:
    """The config as it would run, or every problem with it. Nothing is written."""
    try:
        checkpoint = (
            selectors.visible_checkpoint(request.user, body.checkpoint) if body.checkpoint else None
        )
        resolved = services.resolve_for(request.user, body.preset, body.config, checkpoint)
    except ConfigError as error:
        return _refused(error.problems)
    except ProblemError as error:
        return _refused(error.errors or [Problem("", error.detail, error.code)])
    memory = selectors.memory_of(resolved.config, checkpoint, body.device_memory_bytes)
    return Validation(
        valid=True,
        config=resolved.as_json(),
        overrides=resolved.overrides,
        digest=resolved.digest,
        arithmetic=_arithmetic(resolved.config),
        memory=memory,
        memory_note=None if memory else selectors.MEMORY_UNKNOWN,
        problems=[],
    )


def _refused(problems: list[Problem]) -> Validation:
    return Validation(
        valid=False,
        config=None,
        overrides=None,
        digest=None,
        arithmetic=None,
        memory=None,
        memory_note=None,
        problems=[FieldProblem(path=p.path, message=p.message, code=p.code) for p in problems],
    )


def _arithmetic(config: RunConfig) -> Arithmetic:
    processes, plan = config.hardware.processes, config.plan
    stages = [_of_stage(config, planned) for planned in plan]
    sampling = [config.of_stage(stage.name) for stage in stages if stage.completions_per_step]
    saving = [planned for planned in plan if planned.kind != "evaluate"]
    each = max((stage.completions_per_step for stage in stages), default=0)
    return Arithmetic(
        completions_per_step=each,
        prompts_per_process=-(
            -max((one.grpo.prompts_per_step for one in sampling), default=0) // processes
        ),
        completions_per_process=each // processes,
        longest_completion=max((one.sampling.longest[1] for one in sampling), default=0),
        max_tokens_per_step=max(
            (_most_completions(one) * one.sampling.longest[1] for one in sampling), default=0
        ),
        steps=config.total_steps,
        total_completions=sum(stage.total_completions for stage in stages),
        evaluations=sum(stage.evaluations for stage in stages),
        checkpoints=sum(-(-one.steps // config.checkpoint.every_steps) for one in saving),
        stages=stages,
    )


SAMPLES = frozenset({"grpo", "rejection_sampling", "reward_model"})
"""Types of stages that have completions written, beside evaluation."""


def _of_stage(config: RunConfig, planned: Planned) -> StageArithmetic:
    own, stage = config.of_stage(planned.name), config.stages.get(planned.name)
    each = own.completions_per_step if planned.kind in SAMPLES else 0
    if isinstance(stage, RejectionSamplingStageConfig):  # which may ask for one of a prompt
        each = stage.prompts_per_step * stage.completions_per_prompt
    return StageArithmetic(
        name=planned.name,
        kind=planned.kind,
        steps=planned.steps,
        completions_per_step=each,
        total_completions=each * planned.steps,
        evaluations=_evaluations(own, planned),
    )


def _evaluations(config: RunConfig, planned: Planned) -> int:
    """Before the run's first step and after a stage's last, where a policy is trained."""
    every = config.evaluation.every_steps
    if planned.kind == "evaluate":
        return planned.steps
    if planned.kind not in TRAINS_POLICY or not every:
        return 0
    return -(-planned.steps // every) + (planned.before == 0)


def _most_completions(config: RunConfig) -> int:
    """Of one step, when every group is flat each time and none is left to the next collection."""
    dynamic = config.grpo.dynamic_sampling
    rounds = dynamic.max_rounds if dynamic else 1
    return math.ceil(config.completions_per_step * rounds * (1 + config.sampling.carry_over))
