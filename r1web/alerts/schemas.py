"""What goes into and comes out of the alert endpoints; the browser's types are made from these."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field, FiniteFloat

from r1web.alerts.models import Action, DeliveryStatus, Direction, RuleKind, TargetKind, Unit
from r1web.metrics.wire import Value

# A NUL character is no text to PostgreSQL.
Text = Annotated[str, Field(max_length=120, pattern=r"^[^\x00]*$")]
Number = Annotated[int, Field(ge=0, le=1_000_000)]


class RuleFields(Schema, extra="forbid"):
    """What all kinds of rules have between them; docs/alerts.md says which needs what."""

    metric: Text | None = None
    direction: Direction | None = None
    limit: FiniteFloat | None = Field(default=None, description="For a slope: change a step.")
    points: Number | None = Field(
        default=None, description="In a row; for a slope, those it is taken over."
    )
    seconds: Number | None = Field(default=None, description="Without a metric.")
    states: list[Text] | None = None
    unit: Unit | None = Field(default=None, description="What a budget counts.")
    days: Number | None = Field(
        default=None, description="A project's budget counts what these last days have cost."
    )
    action: Action | None = Field(
        default=None, description="Besides the alert: pause or stop the run, or those of a project."
    )
    enabled: bool | None = None


class RuleIn(RuleFields):
    name: str
    kind: RuleKind


class RulePatch(RuleFields):
    """What is left out or null stays as it is."""

    name: str | None = None


class RuleOut(Schema):
    id: int
    run: int | None = Field(
        description="Null for one of the project's: its budget, or one that is copied to new runs."
    )
    name: str
    kind: RuleKind
    metric: str
    direction: str
    limit: float | None
    points: int | None
    seconds: int | None
    states: list[str]
    unit: str
    days: int | None
    used: float | None = Field(
        description="What a budget has counted so far; null for other rules."
    )
    action: Action
    enabled: bool
    firing: bool = Field(description="It has raised an alert and has not cleared since.")


class RuleList(Schema):
    items: list[RuleOut]
    next_cursor: str | None


class DeliveryOut(Schema):
    id: int
    alert: int | None = Field(description="Null for a test of the target.")
    rule_name: str | None
    run: int | None = Field(description="Null when it is about no run.")
    run_name: str | None
    created_at: datetime
    target: int | None
    target_name: str
    status: DeliveryStatus
    tries: int
    due_at: datetime | None = Field(description="The next try, while it is pending.")
    sent_at: datetime | None
    error: str = Field(description="Of the last try.")


class DeliveryList(Schema):
    items: list[DeliveryOut]
    next_cursor: str | None


class AlertOut(Schema):
    id: int
    run: int | None = Field(description="Null when it is about the project as a whole.")
    run_name: str | None
    rule: int | None = Field(description="Null when it was deleted since.")
    rule_name: str
    metric: str
    attempt: int | None = Field(description="Number of the attempt.")
    step: int
    value: Value | None = Field(description="Null for a rule that looks at no metric.")
    message: str
    at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    deliveries: list[DeliveryOut]


class AlertList(Schema):
    items: list[AlertOut]
    next_cursor: str | None


class TargetPatch(Schema, extra="forbid"):
    """What is left out or null stays as it is."""

    name: str | None = None
    address: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] | None = None
    secret: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="Signs what a webhook is sent. Never shown again."
    )
    enabled: bool | None = None


class TargetIn(TargetPatch):
    name: str
    kind: TargetKind
    address: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class TargetOut(Schema):
    id: int
    name: str
    kind: TargetKind
    address: str = Field(description="Of a URL only scheme and host.")
    enabled: bool
    created_at: datetime


class TargetList(Schema):
    items: list[TargetOut]
    next_cursor: str | None
