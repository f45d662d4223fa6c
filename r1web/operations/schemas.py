"""What answers about projects and their sizes look like."""

from datetime import datetime

from ninja import Schema
from pydantic import Field


class Sizes(Schema):
    """As last measured; a run's directory is what the measuring worker sees of it."""

    checkpoint_bytes: int
    journal_bytes: int
    release_bytes: int
    other_bytes: int = Field(description="Logs and configs.")
    bytes: int = Field(description="All files together.")
    points: int = Field(description="Values of metrics in the database.")
    completions: int = Field(description="Completions in the database.")


class ProjectOverview(Sizes):
    slug: str
    name: str
    role: str | None = Field(description="Yours in it; null: you see it as staff.")
    runs: int = Field(description="Without deleted ones.")
    deleted_bytes: int = Field(description="Of runs that were deleted and can still be restored.")
    measured_at: datetime | None = Field(description="The oldest of the measurements it adds up.")


class ProjectList(Schema):
    items: list[ProjectOverview]


class RunSizeOut(Sizes):
    run: int
    name: str
    state: str
    deleted: bool
    measured_at: datetime


class RunSizeList(Schema):
    items: list[RunSizeOut]
    next_cursor: str | None
