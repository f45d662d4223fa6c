"""What answers about where a run's data and checkpoints come from look like."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from training.events import DatasetCard, Decontamination, DeviceCount


class UsedDataset(BaseModel):
    card: DatasetCard
    stages: list[str] = Field(description="That read it.")


class StageDecontamination(BaseModel):
    stage: str
    found: Decontamination = Field(description="Its examples are the first of what was left out.")


class LineRun(BaseModel):
    id: int
    name: str


class Ancestor(BaseModel):
    """Work of one attempt on the way to a checkpoint, or what stands at the beginning."""

    kind: Literal["work", "beginning"]
    run: LineRun | None = Field(description="Null: none of a run, or of one you may not see.")
    said: str = Field(description="Of a beginning, what it is; a sentence.")
    path: str = Field(description="Of a beginning; empty where you may not see it.")
    sha256: str | None
    stage: str
    first_step: int | None
    last_step: int | None
    digest: str
    code_version: str
    commit: str | None
    dirty: bool
    versions: dict[str, str]
    devices: list[DeviceCount]
    datasets: list[str] = Field(description="Ids of their cards.")
    changed: list[str] = Field(
        description="What differs from the work before it: devices, code, config, or the name of a "
        "package."
    )
    notes: list[str] = Field(description="What is to be minded, in sentences.")


class CheckpointLine(BaseModel):
    id: int
    step: int
    stage: str
    path: str
    line: list[Ancestor] = Field(description="The newest first.")


class ProvenanceOut(BaseModel):
    datasets: list[UsedDataset]
    decontamination: list[StageDecontamination]
    checkpoints: list[CheckpointLine] = Field(
        description="Those that are there, the newest first, 50 at most."
    )


Payload = dict[str, Any]
