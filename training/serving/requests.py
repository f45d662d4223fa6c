"""What may be asked of a served model, one JSON line each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

LONGEST_TEXT = 16_384
"""Characters of all messages together."""
LARGEST_SEED = 2**63 - 1


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=64)


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str = Field(max_length=LONGEST_TEXT)


class Ask(_Line):
    """Answer `messages`, or the held-out problem number `problem` of the run's task."""

    type: Literal["ask"]
    messages: list[Message] = Field([], max_length=64)
    problem: int | None = Field(None, ge=0, lt=1000)
    n: int = Field(1, ge=1, le=8)
    temperature: float = Field(1.0, ge=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    """None: as long as the run's own completions may be."""
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    stop: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field([], max_length=4)
    score: bool = False
    """Whether to tell the run's rewards of the answer."""

    @model_validator(mode="after")
    def _one_question(self) -> Ask:
        if bool(self.messages) == (self.problem is not None):
            raise PydanticCustomError("question", "Give either messages or a problem.")
        if sum(len(message.content) for message in self.messages) > LONGEST_TEXT:
            raise PydanticCustomError(
                "too_long", "The messages are longer than {most} characters: send less.",
                {"most": LONGEST_TEXT},
            )  # fmt: skip
        if self.messages and all(message.role != "user" for message in self.messages):
            raise PydanticCustomError("no_user", "There is no message of the user: add one.")
        return self


class Problems(_Line):
    """Tell the task's first held-out problems."""

    type: Literal["problems"]
    count: int = Field(20, ge=1, le=200)


class Cancel(_Line):
    """Nobody wants the rest of that answer."""

    type: Literal["cancel"]


Request = Annotated[Ask | Problems | Cancel, Field(discriminator="type")]
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


class RefusedError(ValueError):
    """A request that cannot be answered; the message is for whoever asked."""


def read(line: str) -> Request:
    """Raises RefusedError that names the field."""
    try:
        return _REQUEST.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in {"ask", "problems"})
        message = first["msg"].rstrip(".")
        raise RefusedError(f"{place}: {message}." if place else f"{message}.") from error
