"""One error type for everything a person can get wrong in a config."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MANY = 20
"""More choices than these are not listed to who missed them: the closest are."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field. `path` is dotted ("grpo.group_size"), "" for the whole."""

    path: str
    message: str
    code: str = "invalid"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(ValueError):
    """A config that cannot be run; `problems` names every field at fault."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems

    @classmethod
    def of(cls, path: str, message: str, code: str = "invalid") -> "ConfigError":
        return cls([Problem(path, message, code)])

    @classmethod
    def from_pydantic(cls, error: ValidationError, data: object = None) -> "ConfigError":
        """`data` is what was validated, as nested tables."""
        return cls([_problem(details, data) for details in error.errors(include_url=False)])


def _problem(details: ErrorDetails, data: object) -> Problem:
    context: dict[str, Any] = details.get("ctx") or {}
    path = str(context.get("path") or _path(details["loc"], data))
    if details["type"].startswith("union_tag"):
        path = f"{path}.type"
    return Problem(path, _message(details, path), details["type"])


def _path(location: tuple[int | str, ...], data: object) -> str:
    """The field's dotted path. Pydantic names the chosen variant of a table too; nobody wrote it
    there."""
    parts = []
    for part in location:
        if isinstance(data, Mapping) and part not in data and part == data.get("type"):
            continue
        parts.append(str(part))
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
    return ".".join(parts)


def _message(details: ErrorDetails, path: str) -> str:
    context: dict[str, Any] = details.get("ctx") or {}
    if details["type"] == "union_tag_invalid":
        wanted = str(context["expected_tags"]).replace("'", "")
        return f"There is no “{context['tag']}”. Choose one of: {wanted}."
    if details["type"] == "union_tag_not_found":
        return "Say which type this table is of: its other settings depend on it."
    if details["type"] == "extra_forbidden":
        return f"There is no field “{path}”. Remove it or correct its name."
    if details["input"] is None and details["type"].endswith("_type"):
        return "It has no value yet: give it one."
    return _missed(details) or _in_our_words(details)


def _in_our_words(details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ")
    if message.endswith("."):
        return message
    if details["type"] == "missing" or isinstance(details["input"], dict):
        return f"{message}."
    return f"{message}, not {_shown(details['input'])}."


def _missed(details: ErrorDetails) -> str:
    """Of more choices than a person reads the closest, else nothing."""
    choices = re.findall("'([^']*)'", str((details.get("ctx") or {}).get("expected")))
    if len(choices) <= MANY:
        return ""
    given = str(details["input"])[:60]
    near = difflib.get_close_matches(given, choices, n=3, cutoff=0.4)
    meant = f"; closest are {', '.join(near)}." if near else "."
    return f"“{given}” is not one of its {len(choices)} choices{meant}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
