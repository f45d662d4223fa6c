"""What answers about a run's stages look like."""

from datetime import datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import BaseModel, Field

from r1web.ledger.schemas import SumOut
from r1web.runs.schemas import CheckpointOut
from training.config import StageKind

Role = Literal["weights", "data", "reward_model", "model"]
StageState = Literal["waiting", "running", "finished", "failed", "stopped"]


class StageInputOut(BaseModel):
    role: Role = Field(description="`model`: one that it evaluates.")
    stage: str | None = Field(description="Which stage of this run makes it; null: none does.")
    path: str = Field(description="Empty until the stage that makes it has.")
    rows: int | None = Field(description="Of data.")


class StageOutputOut(BaseModel):
    role: Role
    path: str = Field(description="Below the run's directory.")
    rows: int | None
    sha256: str | None = Field(description="Of a file of data.")


class ScoreOut(BaseModel):
    """A share with its confidence interval of 95 %."""

    value: float
    low: float | None
    high: float | None


class StageScoreOut(ScoreOut):
    """Held-out pass@1 of the stage's policy, the newest."""

    step: int
    problems: int


class StageOut(BaseModel):
    name: str
    kind: StageKind
    first_step: int
    last_step: int
    steps: int
    done: int = Field(description="Steps that it has taken.")
    state: StageState = Field(
        description="waiting: it has not begun, or the run waits for devices. failed, stopped: the "
        "run ended in it."
    )
    began_at: datetime | None
    finished_at: datetime | None
    seconds: float = Field(description="Time under way, over all attempts.")
    device_hours: float
    costs: list[SumOut] = Field(description="What was booked for it, one sum for each currency.")
    score: StageScoreOut | None
    inputs: list[StageInputOut]
    outputs: list[StageOutputOut]
    checkpoint: CheckpointOut | None = Field(description="That of its end.")
    waits_for: list[str] = Field(
        description="Stages that it needs and that have not finished: until then it cannot be "
        "repeated alone."
    )


class ColumnOut(BaseModel):
    """One evaluation."""

    set: str = Field(description="Name of the set; empty: the stage's own task.")
    measure: Literal["pass_at_1", "pass_at_k", "cons_at_k"]
    k: int = Field(description="Of pass@k and cons@k.")


class ResultOut(BaseModel):
    """One model's scores."""

    model: str = Field(description="As the config names it: a stage, base, or a directory.")
    label: str = Field(description="The same for people.")
    problems: int | None = Field(description="null: not evaluated yet.")
    completions_per_problem: int | None
    scores: list[ScoreOut | None] = Field(description="One for each column.")


class ResultsOut(BaseModel):
    """What a stage of type evaluate has found: models by evaluations."""

    stage: str
    columns: list[ColumnOut]
    rows: list[ResultOut]


class StagesOut(BaseModel):
    """A run without a pipeline has one stage."""

    is_pipeline: bool
    stages: list[StageOut]
    results: list[ResultsOut] = Field(description="One table for each stage that evaluates models.")


class RepeatIn(Schema, extra="forbid"):
    to_end: bool = Field(default=False, description="With all stages after it.")
    name: str | None = Field(
        default=None, description="Of the new run; as this one is called when left out."
    )
    config: dict[str, Any] = Field(default_factory=dict, description="Overrides, nested.")
