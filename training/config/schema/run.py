"""One run, whole: all tables together, and what only shows when they meet."""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError, model_validator

from training.config.schema.base import Strict, fail
from training.config.schema.checkpoint import CheckpointConfig
from training.config.schema.evaluation import EvaluationConfig
from training.config.schema.grpo import GrpoConfig
from training.config.schema.hardware import HardwareConfig
from training.config.schema.model import StartConfig
from training.config.schema.optim import OptimConfig
from training.config.schema.resume import ResumeConfig
from training.config.schema.reward import RewardConfig
from training.config.schema.rollouts import RolloutsConfig
from training.config.schema.sampling import SamplingConfig
from training.config.schema.sources import check_sources
from training.config.schema.stages import (
    TABLES,
    DistillStageConfig,
    EvaluateStageConfig,
    GrpoStageConfig,
    RejectionSamplingStageConfig,
    RewardModelStageConfig,
    StageConfig,
    StageKind,
    StageName,
    is_outside,
)
from training.config.schema.task import (
    CodeTaskConfig,
    MixtureConfig,
    ReasoningGymConfig,
    TaskConfig,
)

PLAIN = "grpo"
"""What the only stage of a run without a pipeline is called."""


@dataclass(frozen=True)
class Planned:
    """A stage in its place among the run's steps."""

    name: str
    kind: StageKind
    before: int
    """Steps of the stages before it."""
    steps: int

    @property
    def last_step(self) -> int:
        return self.before + self.steps


class RunConfig(Strict):
    """One run, whole: GRPO, or the stages of a pipeline, one after the other."""

    seed: int = Field(0, ge=0, lt=2**31)
    pipeline: list[StageName] = Field(
        [],
        max_length=64,
        description="Names of the stages in their order; none: the run is GRPO alone.",
    )
    stages: dict[StageName, StageConfig] = Field(
        {},
        description="The stages by name. A table that one leaves open, or a field of it, is as in "
        "the run's own.",
    )
    model: StartConfig = StartConfig()
    task: TaskConfig = ReasoningGymConfig()
    reward: RewardConfig = RewardConfig()
    grpo: GrpoConfig = GrpoConfig()
    sampling: SamplingConfig = SamplingConfig()
    optim: OptimConfig = OptimConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    rollouts: RolloutsConfig = RolloutsConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    resume: ResumeConfig = ResumeConfig()
    hardware: HardwareConfig = HardwareConfig()

    @property
    def plan(self) -> list[Planned]:
        """The run's stages in order."""
        if not self.pipeline:
            return [Planned(PLAIN, "grpo", 0, self.grpo.steps)]
        planned: list[Planned] = []
        for name in self.pipeline:
            before = planned[-1].last_step if planned else 0
            stage = self.stages[name]
            planned.append(Planned(name, stage.type, before, _steps_of(stage)))
        return planned

    @property
    def total_steps(self) -> int:
        """Of all stages."""
        return self.plan[-1].last_step

    @property
    def models_named(self) -> dict[str, str]:
        """What the config names that weights of a policy are read from, by field."""
        named = {"model.path": self.model.path}
        for name in self.pipeline:
            stage, field = self.stages[name], f"stages.{name}"
            if isinstance(stage, DistillStageConfig):
                named[f"{field}.student"] = stage.student
            elif isinstance(stage, EvaluateStageConfig):
                named |= {f"{field}.models.{n}": each for n, each in enumerate(stage.models)}
            else:
                named[f"{field}.start"] = stage.start
        return {
            field: each
            for field, each in named.items()
            if is_outside(each) or field.endswith((".path", ".student"))
        }

    def of_stage(self, name: str) -> "RunConfig":
        """The config that one stage of the plan runs by: a run's whose only stage it is. Raises
        ValidationError."""
        if not self.pipeline:
            return self
        stage = self.stages[name]
        tables = {table: getattr(stage, table) for table in TABLES if hasattr(stage, table)}
        if not isinstance(stage, GrpoStageConfig):
            tables["grpo"] = _without_updates(self.grpo, stage)
        tables["seed"] = _seed_of(self.seed, name)
        whole = {field: getattr(self, field) for field in type(self).model_fields}
        return RunConfig.model_validate({**whole, **tables, "pipeline": [], "stages": {}})

    @property
    def completions_per_step(self) -> int:
        return self.grpo.prompts_per_step * self.grpo.group_size

    @property
    def team_size(self) -> int:
        """Processes that write a prompt's completions together."""
        return max(1, self.hardware.processes // self.grpo.prompts_per_step)

    @property
    def evaluation_batch(self) -> int:
        """Problems that one process evaluates at once: as many completions as it samples at once
        when it trains, so that evaluating needs no more memory."""
        sampled = self.completions_per_step * self.grpo.steps_per_collection
        each = self.hardware.processes * self.evaluation.completions_per_problem
        return max(1, sampled // each)

    @model_validator(mode="after")
    def _prompts_divide(self) -> "RunConfig":
        prompts, processes = self.grpo.prompts_per_step, self.hardware.processes
        if prompts % processes and processes % prompts:
            raise fail(
                "grpo.prompts_per_step",
                f"{prompts} prompts do not divide over {processes} processes: "
                f"take a multiple or a divisor of {processes}.",
            )
        return self

    @model_validator(mode="after")
    def _groups_divide(self) -> "RunConfig":
        size, team = self.grpo.group_size, self.team_size
        if size % team:
            raise fail(
                "grpo.group_size",
                f"{size} completions do not divide over the {team} processes that share a prompt: "
                f"take a multiple of {team}, or fewer hardware.processes.",
            )
        return self

    @model_validator(mode="after")
    def _teams_need_no_word(self) -> "RunConfig":
        """While it samples, a process knows nothing of those that it shares a prompt with."""
        team = self.team_size
        fewer = f"hardware.processes to at most {self.grpo.prompts_per_step}"
        if team > 1 and self.grpo.dynamic_sampling:
            raise fail(
                "grpo.dynamic_sampling",
                f"{team} processes share a prompt, and none knows the others' rewards while it "
                f"samples: set this to null, or {fewer}.",
            )
        if team > 1 and self.sampling.carry_over:
            raise fail(
                "sampling.carry_over",
                f"{team} processes share a prompt, and none knows how far the others' completions "
                f"are: set this to 0, or {fewer}.",
            )
        return self

    @model_validator(mode="after")
    def _rewards_something(self) -> "RunConfig":
        if not any(self.reward.weights.values()):
            raise fail("reward.accuracy", "All reward weights are 0: set at least one above 0.")
        return self

    @model_validator(mode="after")
    def _overlong_begins(self) -> "RunConfig":
        overlong, longest = self.reward.overlong, self.sampling.max_new_tokens
        if overlong.weight and overlong.buffer_tokens > longest:
            raise fail(
                "reward.overlong.buffer_tokens",
                f"{overlong.buffer_tokens} tokens are more than sampling.max_new_tokens "
                f"({longest}): take fewer.",
            )
        return self

    @model_validator(mode="after")
    def _programs_end_in_time(self) -> "RunConfig":
        parts = self.task.parts if isinstance(self.task, MixtureConfig) else []
        tasks = [self.task, *(part.task for part in parts)]
        tasks += [one.task for one in self.evaluation.sets]
        seconds = [task.seconds for task in tasks if isinstance(task, CodeTaskConfig)]
        longest = 3 * max(seconds, default=0)
        if longest >= self.reward.timeout_s:
            raise fail(
                "reward.timeout_s",
                f"Programs may take {longest} s on the clock, 3 times the task's seconds: take "
                "more than that, as often as rows have tests.",
            )
        return self

    @model_validator(mode="after")
    def _moments_can_move(self) -> "RunConfig":
        if self.optim.moment_dtype == "bf16" and self.optim.beta2 > 0.99:
            raise fail(
                "optim.beta2",
                f"bf16 moments are too coarse for {self.optim.beta2}: take at most 0.99, or set "
                "optim.moment_dtype to fp32.",
            )
        return self

    @model_validator(mode="after")
    def _sampler_fits(self) -> "RunConfig":
        engine, processes = self.sampling.engine, self.hardware.processes
        if engine.type == "native":
            return self
        if self.sampling.speculative:
            raise fail(
                "sampling.speculative",
                "Only the native engine guesses: switch it off, or set sampling.engine.type to "
                "native.",
            )
        if self.sampling.carry_over:
            raise fail(
                "sampling.carry_over",
                "Only the native engine goes on with completions: set this to 0, or "
                "sampling.engine.type to native.",
            )
        if self.sampling.routing_replay:
            raise fail(
                "sampling.routing_replay",
                "Only the native engine tells which experts it took: switch it off, or set "
                "sampling.engine.type to native.",
            )
        if engine.addresses and len(engine.addresses) != processes:
            raise fail(
                "sampling.engine.addresses",
                f"{len(engine.addresses)} addresses for {processes} training processes: give one "
                "for each, or none.",
            )
        return self

    @model_validator(mode="after")
    def _shortest_is_shorter(self) -> "RunConfig":
        least, most = self.sampling.min_new_tokens, self.sampling.max_new_tokens
        if least > most:
            raise fail(
                "sampling.min_new_tokens",
                f"{least} tokens are more than sampling.max_new_tokens ({most}): take fewer.",
            )
        return self

    @model_validator(mode="after")
    def _whole_collections(self) -> "RunConfig":
        alone = not self.pipeline  # else each stage says how many steps it has
        if alone and self.grpo.steps % self.grpo.steps_per_collection:
            raise fail(
                "grpo.steps",
                f"{self.grpo.steps} steps are not whole collections of "
                f"{self.grpo.steps_per_collection}: take a multiple of it.",
            )
        return self

    @model_validator(mode="after")
    def _stages_are_there(self) -> "RunConfig":
        for place, name in enumerate(self.pipeline):
            if name not in self.stages:
                known = ", ".join(sorted(self.stages)) or "none"
                raise fail(
                    f"pipeline.{place}", f"There is no stage “{name}” among stages ({known})."
                )
            if name in self.pipeline[:place]:
                raise fail(f"pipeline.{place}", f"The stage “{name}” comes twice: name it once.")
        check_sources(self.pipeline, self.stages)
        return self

    @model_validator(mode="after")
    def _stages_fit(self) -> "RunConfig":
        """Each stage as if it were a run of its own."""
        for name in self.pipeline:
            try:
                self.of_stage(name)
            except ValidationError as error:
                found = error.errors(include_url=False)[0]
                path = found.get("ctx", {}).get("path") or ".".join(map(str, found["loc"]))
                path = _own_field(self.stages[name], path)
                message = found.get("ctx", {}).get("message") or found["msg"]
                raise fail(f"stages.{name}.{path}", message) from error
        return self


def _seed_of(seed: int, name: str) -> int:
    """So that stages draw other problems, and complete them otherwise."""
    digest = hashlib.sha256(f"stage/{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _steps_of(stage: StageConfig) -> int:
    if isinstance(stage, GrpoStageConfig):
        return stage.grpo.steps
    return len(stage.models) if isinstance(stage, EvaluateStageConfig) else stage.steps


def _own_field(stage: StageConfig, path: str) -> str:
    """What a stage calls a field that is in its tables by another name."""
    if isinstance(stage, RejectionSamplingStageConfig | RewardModelStageConfig):
        own = {
            "grpo.prompts_per_step": "prompts_per_step",
            "grpo.group_size": "completions_per_prompt",
        }
        return own.get(path, path)
    return path


def _without_updates(grpo: GrpoConfig, stage: StageConfig) -> dict[str, Any]:
    """What GRPO's table says to a stage without GRPO: how many completions are sampled at once,
    and that no reference policy is needed."""
    asked: dict[str, Any] = {}
    if isinstance(stage, RejectionSamplingStageConfig | RewardModelStageConfig):
        asked = {
            "prompts_per_step": stage.prompts_per_step,
            "group_size": stage.completions_per_prompt,
        }
    return {
        **grpo.model_dump(), "steps": _steps_of(stage), "steps_per_collection": 1, "kl_coef": 0.0,
        "dynamic_sampling": None, "correction": None, **asked,
    }  # fmt: skip


def json_schema() -> dict[str, Any]:
    """JSON Schema of a run's config, with units and help, for the form."""
    return RunConfig.model_json_schema(mode="validation")
