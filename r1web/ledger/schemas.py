"""What the ledger's part of the API answers and takes."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from r1web.ledger.models import Phase, Price


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
        min_length=1, max_length=120, description="As in a ledger's entries, such as NVIDIA H800."
    )
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    per_hour: Decimal = Field(ge=0, max_digits=12, decimal_places=6)
    tenure: Price.Tenure = Price.Tenure.RENTED
    valid_from: date = Field(description="UTC. What was booked since then costs this, too.")
    note: str = Field(default="", max_length=200)


class PriceOut(PriceIn):
    id: int
    added_by: str | None
    added_at: datetime


class PriceList(BaseModel):
    items: list[PriceOut]
    next_cursor: str | None
