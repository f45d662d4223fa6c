"""Held-out evaluation."""

from typing import Self

from pydantic import Field, model_validator

from training.config.schema.base import Strict, fail, unit
from training.config.schema.safety import SafetyConfig
from training.config.schema.task import SingleTaskConfig


class EvaluationSetConfig(Strict):
    """Held-out problems of one more task."""

    name: str = Field(
        min_length=1,
        max_length=60,
        pattern=r"^[\w.-]+$",
        description="What its metrics are called: eval/<name>/pass_at_1, …",
    )
    task: SingleTaskConfig
    problems: int = Field(
        256,
        ge=1,
        le=100_000,
        json_schema_extra=unit("problems"),
        description="How many of the task's held-out problems.",
    )


class EvaluationConfig(Strict):
    """Held-out problems, never trained on. Temperature and top-p are the R1 paper's."""

    every_steps: int = Field(
        20, ge=0, description="0 switches evaluation off.", json_schema_extra=unit("steps")
    )
    problems: int = Field(256, ge=1, le=100_000, json_schema_extra=unit("problems"))
    completions_per_problem: int = Field(1, ge=1, le=1024, json_schema_extra=unit("completions"))
    k: int | None = Field(
        None,
        ge=1,
        le=1024,
        json_schema_extra=unit("completions"),
        description="Of pass@k and cons@k. Not set: all completions of a problem.",
    )
    temperature: float = Field(0.6, ge=0, le=10, description="0 takes the likeliest token.")
    top_p: float = Field(0.95, gt=0, le=1)
    sets: list[EvaluationSetConfig] = Field(
        default_factory=list,
        max_length=16,
        description="Held-out problems of other tasks, evaluated beside the run's own.",
    )

    decontaminate: int | None = Field(
        None,
        ge=2,
        le=1000,
        json_schema_extra=unit("words"),
        description="Rows of files that have so many words in a row in common with a problem of "
        "these evaluations are not trained on; the R1 paper takes 10. Not set: not looked for.",
    )
    safety: SafetyConfig | None = Field(
        None, description="How safe the policy is, judged once, at the last evaluation."
    )

    @property
    def at_k(self) -> int:
        return self.completions_per_problem if self.k is None else self.k

    @model_validator(mode="after")
    def _k_completions_are_there(self) -> Self:
        if self.at_k > self.completions_per_problem:
            raise fail(
                "evaluation.k",
                f"pass@{self.k} needs at least {self.k} completions of a problem: raise "
                "evaluation.completions_per_problem, or lower k.",
            )
        return self

    @model_validator(mode="after")
    def _sets_have_names(self) -> Self:
        names = [one.name for one in self.sets]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise fail(
                    f"evaluation.sets.{place}.name",
                    f"Two sets are called {name}: give one of them another name.",
                )
        return self
