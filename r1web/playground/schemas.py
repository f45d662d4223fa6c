"""What REST takes and gives."""

from typing import Annotated, Self

from ninja import Schema
from pydantic import ConfigDict, Field, model_validator

LONGEST_TEXT = 16_384
"""Characters of a question, as training/serving/requests.py has it."""
LARGEST_SEED = 2**53 - 1
"""What a browser's numbers hold."""


class SpeakerOut(Schema):
    """A model that can be talked to."""

    name: str = Field(description="As /v1/chat/completions takes it for `model`.")
    run: int
    run_name: str
    step: int | None = Field(description="Null: what the run started from.")


class SpeakerList(Schema):
    items: list[SpeakerOut]


class AnswerIn(Schema):
    """One question to one model: a text, or a held-out problem of the run's task by its number."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=80)
    question: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)] | None = None
    problem: Annotated[int, Field(ge=0, lt=1000)] | None = None
    temperature: float = Field(1.0, ge=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Null: as long as the run's own completions may be."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.question is None) == (self.problem is None):
            raise ValueError("give either a question or a problem")
        return self


class ProblemsIn(Schema):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=80)
    count: int = Field(20, ge=1, le=200)


class AskedOut(Schema):
    id: str = Field(description="Its events come on the socket /ws/answers/{id}.")
