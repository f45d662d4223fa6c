"""What answers about comparisons, views and notes look like; the browser's types are these."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import BaseModel, Field

from r1web.metrics.wire import Value

MOST_QUERY = 20_000
MOST_BODY = 200_000
Query = Annotated[str, Field(max_length=MOST_QUERY, pattern=r"^[^\x00-\x20?#]*$")]
Body = Annotated[str, Field(max_length=MOST_BODY, pattern=r"^[^\x00]*$")]


class HoldOut(BaseModel):
    """Devices that an attempt holds or held."""

    since: float = Field(description="Unix time in seconds.")
    until: float | None = Field(description="Null while they are held.")
    devices: int
    usd_per_hour: float


class ComparedRun(BaseModel):
    """A run beside others, without its config."""

    id: int
    name: str
    project: str = Field(description="Slug of the project.")
    preset: str
    owner: str
    tags: list[str]
    state: str
    step: int
    total_steps: int
    last_seq: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float = Field(description="Seconds under way, over all attempts.")
    device_hours: float
    cost_usd: float
    holds: list[HoldOut]


class DifferingOut(BaseModel):
    """A config field that is not the same in all runs."""

    path: str = Field(description="Dotted, as in grpo.kl_coef; tables of a list are numbered.")
    values: list[Any] = Field(description="Each value that occurs, once.")
    of: list[int] = Field(description="For each run the place of its value; -1: it has no such.")


class ConfigsOut(BaseModel):
    common: dict[str, Any] = Field(description="Value by dotted path, the same in all runs.")
    differing: list[DifferingOut]


class KnownSeries(BaseModel):
    name: str
    runs: int = Field(description="How many of the runs have it.")


class ComparisonOut(BaseModel):
    runs: list[ComparedRun] = Field(description="In the order asked for.")
    config: ConfigsOut
    series: list[KnownSeries] = Field(description="By name.")
    last: dict[str, list[float | None]] = Field(
        description="For each of `names` its newest value in each run; null where there is none, "
        "or it is not finite."
    )


class StatisticsOut(BaseModel):
    """One series in each run; null where the run has no point of it."""

    name: str
    last: list[Value | None]
    min: list[Value | None] = Field(description="Over all points that count, exactly.")
    max: list[Value | None]
    mean: list[Value | None] = Field(description="Of the finite values of the newest points.")
    of: list[int] = Field(description="How many values that mean is of: fewer in a short run.")


class StatisticsListOut(BaseModel):
    runs: list[int]
    series: list[StatisticsOut]


class ViewIn(Schema, extra="forbid"):
    name: str
    query: Query = Field(description="What follows /compare? in the page's address.")


class ViewPatch(Schema, extra="forbid"):
    """What is left out stays as it is."""

    name: str | None = None
    query: Query | None = None


class ViewOut(BaseModel):
    id: int
    project: str = Field(description="Slug of the project.")
    name: str
    query: str
    created_by: str | None
    created_at: datetime
    updated_at: datetime


class ViewList(BaseModel):
    items: list[ViewOut]
    next_cursor: str | None


class NoteIn(Schema, extra="forbid"):
    title: str
    body: Body = Field(default="", description="Markdown; HTML in it stays text.")


class NoteEdit(NoteIn, extra="forbid"):
    version: int = Field(description="The version that was edited; 409 if there is a newer one.")


class NoteRow(BaseModel):
    """A note in a list, without its text."""

    id: int
    project: str = Field(description="Slug of the project.")
    title: str
    version: int = Field(description="Counts from 1; each saving is one more.")
    created_by: str | None
    created_at: datetime
    updated_by: str | None
    updated_at: datetime


class NoteOut(NoteRow):
    body: str
    may_change: bool


class NoteList(BaseModel):
    items: list[NoteRow]
    next_cursor: str | None


class VersionRow(BaseModel):
    version: int
    title: str
    saved_by: str | None
    saved_at: datetime


class VersionOut(VersionRow):
    body: str


class VersionList(BaseModel):
    items: list[VersionRow]
    next_cursor: str | None
