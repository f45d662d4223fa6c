"""What the ledger's part of the API answers and takes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from r1web.ledger.models import Phase, Price
from training.config import StageKind

TEXT, NO_NUL = r"^[^\x00]+$", r"^[^\x00]*$"
"""A NUL character is no text to PostgreSQL."""


class SumOut(BaseModel):
    """Time, money and energy, each an exact sum of what was booked."""

    device_ms: int = Field(description="Milliseconds times devices.")
    device_hours: float
    currency: str = Field(description="ISO 4217.")
    micros: int = Field(description="Money, in millionths of the currency's unit.")
    energy_mj: int = Field(description="Millijoules.")
    energy_estimated: bool = Field(
        description="Whether some of the energy was not measured, but is the power that the device "
        "model is built for, times the time."
    )
    co2_g: float = Field(description="Grams, by the site's factor.")


class EntryOut(SumOut):
    stage: str
    phase: Phase
    device_model: str


class LedgerOut(BaseModel):
    entries: list[EntryOut]
    totals: list[SumOut] = Field(description="Of all entries, one for each currency.")
    co2_g_per_kwh: int
    booked_until: datetime | None = Field(
        description="While devices are held: what they did since is booked within seconds."
    )


class RunSumOut(SumOut):
    run: int
    name: str | None = Field(description="null: the run was deleted.")


class ProjectLedgerOut(LedgerOut):
    runs: list[RunSumOut] = Field(description="The same sums by run, those with most time first.")
    runs_left_out: int = Field(description="How many sums of further runs are not listed.")


class PriceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    device_model: str = Field(
        max_length=120, pattern=TEXT, description="As in a ledger's entries, such as NVIDIA H800."
    )
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    per_hour: Decimal = Field(ge=0, max_digits=12, decimal_places=6)
    tenure: Price.Tenure = Price.Tenure.RENTED
    valid_from: date = Field(description="UTC. What was booked since then costs this, too.")
    note: str = Field(default="", max_length=200, pattern=NO_NUL)


class PriceOut(PriceIn):
    id: int
    added_by: str | None
    added_at: datetime


class PriceList(BaseModel):
    items: list[PriceOut]
    next_cursor: str | None


class RangeOut(BaseModel):
    low: float
    mid: float
    high: float


Basis = Literal["own", "same_type", "guess"]
"""What the forecast of a stage rests on: its own steps, those of a stage of its type, or those of
all the run."""


class StageForecastOut(BaseModel):
    """The part of a forecast that is of one stage."""

    stage: str
    kind: StageKind
    steps: int = Field(description="How many it is about.")
    basis: Basis
    seconds: RangeOut
    why: str = Field(description="What it rests on, in a sentence.")


class ForecastOut(BaseModel):
    """What the run's remaining steps take; all null, with a reason, where nothing can be said."""

    steps: int = Field(description="How many it is about.")
    known_steps: int = Field(description="How many steps have told how long they took.")
    reason: str = ""
    stages: list[StageForecastOut] = Field(
        default=[], description="Those with steps left, in their order."
    )
    seconds: RangeOut | None = None
    device_hours: RangeOut | None = None
    currency: str | None = None
    micros: RangeOut | None = Field(default=None, description="Millionths of the currency's unit.")
    assumptions: list[str] = []


class WhatIfIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    device_model: str = Field(max_length=120, pattern=TEXT, description="Such as NVIDIA H200.")
    devices: int = Field(ge=1, le=1_000_000)
    per_hour: Decimal | None = Field(
        default=None,
        ge=0,
        max_digits=12,
        decimal_places=6,
        description="Of one device; null: as the price book has it today.",
    )
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$", description="Of `per_hour`.")
    relative_speed: float | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many times as fast as the run's own devices; null: by what is known of "
        "both models.",
    )


class WhatIfOut(BaseModel):
    """What all the run's steps would take."""

    steps: int
    known_steps: int = Field(description="How many steps have told how long they took.")
    seconds: RangeOut
    device_hours: RangeOut
    currency: str
    micros: RangeOut = Field(description="Millionths of the currency's unit.")
    assumptions: list[str]


class PublishedOut(BaseModel):
    """From an account that who trained the model has published."""

    model_config = ConfigDict(from_attributes=True)

    account: str
    part: str
    device_model: str
    gpu_hours: int
    usd: int
    is_total: bool = Field(description="Of the account's other parts.")
    source: str


class PressEstimateOut(BaseModel):
    """An estimate: not from who trained the model, or without a figure."""

    model_config = ConfigDict(from_attributes=True)

    model: str
    usd: int
    at_least: bool
    source: str


class ReferenceOut(BaseModel):
    published: list[PublishedOut]
    press_estimates: list[PressEstimateOut]


Axis = Literal["money", "device_hours", "energy"]


class PointOut(BaseModel):
    """A run, or one of its stages, with all that was booked up to there."""

    run: int
    name: str
    state: str
    stage: str | None = Field(description="null: the run has none.")
    score: float
    low: float | None = Field(description="Of its interval of 95 %.")
    high: float | None
    device_hours: float
    micros: int | None = Field(
        description="Millionths of the currency's unit; null where another currency was booked."
    )
    energy_mj: int = Field(description="Millijoules.")
    energy_estimated: bool
    on_frontier: bool = Field(description="No other costs less and is no worse, or is better.")


class FrontierOut(BaseModel):
    metric: str
    axis: Axis
    currency: str
    currencies: list[str] = Field(description="In which these runs were paid.")
    points: list[PointOut] = Field(description="Those that cost least first.")
    best: PointOut | None = Field(description="Of what costs no more than the budget.")
    runs: int = Field(description="How many were looked at: the newest ones.")
    is_whole: bool = Field(description="Whether there are no others.")
    without_score: int = Field(
        description="How many of them have no value of the metric, or nothing booked."
    )
    other_currency: int = Field(description="Points that have no place on an axis of money.")
    metrics: list[str] = Field(description="Scores that these runs have told.")
