"""What a run's safety evaluation has found, as the trainer's reports have it."""

from typing import Literal

from pydantic import BaseModel, Field

Verdict = Literal["safe", "unsafe", "refused", "not_judged"]


class SafetyShareOut(BaseModel):
    """A share of what was judged, with its 95 % interval; null where nothing was."""

    counts: dict[Verdict, int]
    share: float | None
    low: float | None
    high: float | None


class SafetySidesOut(BaseModel):
    """The model by itself, and what a user sees behind risk control."""

    bare: SafetyShareOut
    controlled: SafetyShareOut


class SafetyFiguresOut(BaseModel):
    safety: SafetySidesOut = Field(description="Safe answers and refusals, of harmful prompts.")
    over_refusal: SafetySidesOut = Field(description="Refusals, of harmless prompts.")


class SafetySubcategoryOut(SafetyFiguresOut):
    name: str


class SafetyCategoryOut(SafetySubcategoryOut):
    subcategories: list[SafetySubcategoryOut]


class SafetyJudgeOut(BaseModel):
    """Who judged: an endpoint's model, a directory, or nobody."""

    type: Literal["none", "endpoint", "model"]
    model: str | None = None
    path: str | None = None


class SafetySetOut(BaseModel):
    name: str
    sha256: str


class SafetyMeasuredOut(BaseModel):
    """When it was measured, and of what."""

    step: int
    model: str | None = Field(description="What a stage that evaluates calls it, else null.")


class _Figures(SafetyMeasuredOut, SafetyFiguresOut):
    set: SafetySetOut
    judge: SafetyJudgeOut
    categories: list[SafetyCategoryOut]


class SafetyOut(_Figures):
    measured: list[SafetyMeasuredOut] = Field(description="All that there are, by step.")


class SafetyVerdictOut(BaseModel):
    verdict: Verdict
    stage: Literal["sampling", "keywords", "refusals", "judge", "reviewer"]
    reason: str


class SafetyItemOut(BaseModel):
    """A prompt, what the model said, and what became of it. All of it is text, never HTML."""

    id: str
    category: str
    subcategory: str
    language: str
    harmful: bool
    prompt: str
    completion: str | None
    keywords: list[str]
    bare: SafetyVerdictOut
    controlled: SafetyVerdictOut
    shown: str | None = Field(description="What a user would have seen; null where unknown.")


class SafetyItemList(BaseModel):
    items: list[SafetyItemOut]
    total: int = Field(description="Of this sub-category.")


class SafetyReport(_Figures):
    """The whole file."""

    items: list[SafetyItemOut]
