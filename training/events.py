"""The journal's records: one JSON line an event, the truth about a run.

The trainer's rank 0 appends them to `events.jsonl`; the supervisor reads them. `seq` rises by one
with every line of the file, over all attempts of the run. Numbers may be NaN or infinite; they
travel as the strings "NaN", "Infinity" and "-Infinity", so that every line is standard JSON.

Steps count from 1; step 0 stands for the state before training. A checkpoint of step s holds the
state after step s, and an attempt that starts from it goes on with step s + 1.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Phase = Literal["loading", "sampling", "rewarding", "training", "evaluating", "checkpointing"]
FinishReason = Literal["stop", "length"]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class EventBase(Record):
    seq: int = Field(ge=1)
    time: float
    """Unix time in seconds."""
    stage: str = "grpo"
    step: int = Field(ge=0)


class StartedEvent(EventBase):
    """The trainer is up: where it runs, and from which step it goes on."""

    type: Literal["started"] = "started"
    start_step: int
    total_steps: int
    processes: int
    device: str
    dtype: str
    parameters: int
    versions: dict[str, str]


class PhaseEvent(EventBase):
    type: Literal["phase"] = "phase"
    phase: Phase


class MetricsEvent(EventBase):
    type: Literal["metrics"] = "metrics"
    values: dict[str, float]


class CompletionRecord(Record):
    text: str
    """Decoded completion, without prompt and end token."""
    reward: float
    """The weighted sum; NaN when a part that has a weight could not be scored."""
    rewards: dict[str, float]
    """Raw parts before weighting, by name (accuracy, format, …); only those that were scored."""
    reward_errors: dict[str, str] = {}
    """Why the others were not, by name."""
    advantage: float
    """0 for a completion without a reward."""
    length: int
    """Tokens, the end token included."""
    finish_reason: FinishReason
    logprob_mean: float
    """Mean log-probability of the sampled tokens, nats."""


class RolloutsEvent(EventBase):
    """One prompt with its group of completions."""

    type: Literal["rollouts"] = "rollouts"
    group: int
    """Place of the prompt within the step, from 0."""
    trained: bool = True
    """False for a flat group in whose place others were sampled."""
    policy_version: int
    """Optimiser steps the sampling policy had seen."""
    fingerprint: str | None = None
    """Of the weights that wrote the completions; null where the trainer sampled from its own."""
    prompt: str
    question: str
    answer: str
    """What the verifier expects."""
    completions: list[CompletionRecord]


class EvaluationEvent(EventBase):
    """Held-out score; `values` are series too (eval/pass_at_1, …)."""

    type: Literal["evaluation"] = "evaluation"
    values: dict[str, float]
    problems: int
    completions_per_problem: int


class CheckpointEvent(EventBase):
    type: Literal["checkpoint"] = "checkpoint"
    path: str
    """Relative to the run directory."""
    bytes: int
    reason: Literal["schedule", "stop", "final"]
    removed: list[str] = []
    """Paths of older checkpoints that were pruned with this one."""


class LogEvent(EventBase):
    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"]
    message: str


class FinishedEvent(EventBase):
    """The last line of an attempt that ended by itself."""

    type: Literal["finished"] = "finished"
    outcome: Literal["finished", "stopped", "failed"]
    reason: str
    """One sentence."""


Event = Annotated[
    StartedEvent
    | PhaseEvent
    | MetricsEvent
    | RolloutsEvent
    | EvaluationEvent
    | CheckpointEvent
    | LogEvent
    | FinishedEvent,
    Field(discriminator="type"),
]

EventAdapter: TypeAdapter[Event] = TypeAdapter(Event)


def parse_line(line: str | bytes) -> Event:
    """The event of one journal line. Raises pydantic.ValidationError for anything else."""
    return EventAdapter.validate_json(line)
