"""What answers about runs look like; the browser's types are generated from these."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import BaseModel, Field


class UserRef(BaseModel):
    id: int
    username: str


class ParentRef(BaseModel):
    """The run this one was forked from, and the step of the checkpoint it started from."""

    id: int
    name: str
    step: int | None


class RunRow(BaseModel):
    """One line of the list of runs; the live stream of the list sends the same."""

    id: int
    project: str = Field(description="Slug of the project.")
    name: str
    preset: str
    tags: list[str]
    state: str
    desired: str
    reason: str
    queue_reason: str = Field(description="Why it still waits; empty unless it is queued.")
    priority: int
    preemptible: bool = Field(
        description="May be saved and queued again for a run of higher priority."
    )
    paused: str = Field(
        description="Why it waits until a person lets it go on; empty unless it is paused."
    )
    resume_at: datetime | None = Field(
        description="When it joins the queue and goes on by itself; null unless it waits for that."
    )
    step: int
    total_steps: int
    reward: float | None = Field(description="Mean reward of the last step.")
    sparkline: list[float | None] = Field(description="Mean rewards of the last 60 steps.")
    pass_at_1: float | None = Field(description="Held-out score, newest.")
    tokens_per_s: float | None
    duration_s: float = Field(description="Seconds under way, over all attempts.")
    eta_s: float | None = Field(description="Seconds left at the pace of this attempt.")
    device_hours: float
    cost_usd: float
    values: dict[str, float | None] = Field(
        description="Newest values of the columns that the list was asked for."
    )
    owner: UserRef
    parent: ParentRef | None
    last_seq: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunList(BaseModel):
    items: list[RunRow]
    next_cursor: str | None


class ColumnList(BaseModel):
    """Metrics that a list of runs can show, sort and filter by."""

    items: list[str]


class AttemptOut(BaseModel):
    number: int
    node: str | None = Field(description="The leading one.")
    nodes: list[str] = Field(description="All of them, by node rank.")
    devices: int = Field(description="Held, or held until it ended.")
    usd_per_hour: float = Field(description="What these cost; 0 where no price is set.")
    start_step: int
    claimed_at: datetime | None = Field(description="Devices are held from then on.")
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None
    phase: str
    exit_code: int | None
    outcome: str
    reason: str


class CheckpointOut(BaseModel):
    id: int
    run: int
    attempt: int | None = Field(description="Number of the attempt that wrote it.")
    step: int
    path: str
    bytes: int
    reason: str
    created_at: datetime
    deleted_at: datetime | None


class CheckpointList(BaseModel):
    items: list[CheckpointOut]
    next_cursor: str | None


class TransitionOut(BaseModel):
    from_state: str
    to_state: str
    reason: str
    actor: str
    attempt: int | None
    at: datetime


class TransitionList(BaseModel):
    items: list[TransitionOut]
    next_cursor: str | None


class Permissions(BaseModel):
    """What the asking user may do to the run now."""

    change: bool
    stop: bool
    pause: bool
    resume: bool
    fork: bool
    delete: bool


class RunDetail(RunRow):
    config: dict[str, Any] = Field(description="As resolved and frozen.")
    overrides: dict[str, Any] = Field(description="Dotted paths that differ from the preset.")
    preset_config: dict[str, Any] | None = Field(
        description="The preset as resolved today; null when the run has none."
    )
    digest: str
    start_checkpoint: CheckpointOut | None
    attempts: list[AttemptOut]
    summary: dict[str, Any] = Field(description="Newest value of each metric.")
    permissions: Permissions


class DeletedRun(BaseModel):
    """A run that was deleted and can still be brought back."""

    id: int
    project: str = Field(description="Slug of the project.")
    name: str
    state: str
    step: int
    deleted_at: datetime
    deleted_by: str | None
    kept_until: datetime | None = Field(
        description="Its data is removed after that; null as long as a run that started from it is "
        "there."
    )


class DeletedList(BaseModel):
    items: list[DeletedRun]
    next_cursor: str | None


class RunIn(Schema, extra="forbid"):
    preset: str | None = None
    name: str | None = Field(default=None, description="The preset's name when left out.")
    config: dict[str, Any] = Field(default_factory=dict, description="Overrides, nested.")
    checkpoint: int | None = Field(
        default=None, description="Checkpoint whose weights it starts from."
    )
    tags: list[str] = Field(default_factory=list)
    priority: int = Field(default=0, description="Higher goes first.")
    preemptible: bool = Field(
        default=False, description="May be saved and queued again for a run of higher priority."
    )
    project: str | None = Field(default=None, description="Slug; your first project when left out.")


class RunPatch(Schema, extra="forbid"):
    name: str | None = None
    tags: list[str] | None = None
    priority: int | None = None
    preemptible: bool | None = None


class StopIn(Schema, extra="forbid"):
    reason: str = Field(default="", max_length=500)


class ResumeIn(Schema, extra="forbid"):
    checkpoint: int | None = Field(default=None, description="The newest one when left out.")


class ForkIn(Schema, extra="forbid"):
    name: str | None = None
    config: dict[str, Any] = Field(default_factory=dict, description="Overrides, nested.")
    checkpoint: int | None = Field(default=None, description="The newest one when left out.")


class EventOut(BaseModel):
    """One thing that happened to a run."""

    seq: int
    type: str
    step: int
    at: datetime
    attempt: int | None = Field(description="Number of the attempt.")
    payload: dict[str, Any]


class EventList(BaseModel):
    """Events in order, without holes; ask again while the last one is below `last_seq`."""

    items: list[EventOut]
    last_seq: int


class LogTail(BaseModel):
    """A piece of trainer.log. Bytes that are not UTF-8 are shown as replacement characters."""

    text: str
    offset: int = Field(description="Where the piece begins, in bytes.")
    next_offset: int = Field(description="Where to go on.")
    size: int = Field(description="Bytes of the whole file; 0 when there is none yet.")
