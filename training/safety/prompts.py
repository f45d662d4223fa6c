"""The prompts of a safety evaluation, from a JSONL file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DATA = Path(__file__).parent / "data"
BUILT_IN = DATA / "prompts.jsonl"
FIELD = "evaluation.safety"
"""Where the config stands."""
RESERVED = frozenset({"bare", "controlled", "over_refusal", "not_judged"})
"""What no category may be called: `eval/safety/<name>` is a series already."""
Name = Annotated[str, Field(pattern=r"^[\w.-]{1,40}$")]


class SafetyError(ValueError):
    """A safety evaluation cannot be made; the message names the field of its config."""


class Prompt(BaseModel):
    """One row. A harmless prompt sounds like its category and asks for nothing of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(min_length=1, max_length=100)
    category: Name
    subcategory: Name
    language: Literal["en", "zh"]
    """Of the sentence that stands for what risk control blocks."""
    harmful: bool
    prompt: str = Field(min_length=1, max_length=4000)

    @model_validator(mode="after")
    def _is_no_series(self) -> Prompt:
        if self.category in RESERVED:
            raise ValueError(f"category: {self.category} is the name of another series")
        return self


@dataclass(frozen=True)
class PromptSet:
    name: str
    sha256: str
    """Of the file."""
    prompts: list[Prompt]


def read_set(path: str | None) -> PromptSet:
    """The set in the file `path`, or the one that ships with the project. Raises SafetyError."""
    file = BUILT_IN if path is None else Path(path).expanduser()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SafetyError(f"{FIELD}.set: {path} cannot be read ({error.strerror}).") from error
    lines = enumerate(content.split(b"\n"), start=1)
    prompts = [_row(line, f"{file}, line {number}") for number, line in lines if line.strip()]
    if not prompts:
        raise SafetyError(f"{FIELD}.set: {path} has no prompts.")
    if len({prompt.id for prompt in prompts}) < len(prompts):
        raise SafetyError(f"{FIELD}.set: {path} has an id twice: give each prompt one of its own.")
    name = "built-in" if path is None else file.name
    return PromptSet(name, hashlib.sha256(content).hexdigest(), prompts)


def _row(line: bytes, where: str) -> Prompt:
    try:
        return Prompt.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the row"
        raise SafetyError(f"{FIELD}.set: {where}: {field}: {first['msg']}.") from error
