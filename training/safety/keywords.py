"""The keyword stage: which terms of which category a text has.

A text is cut into words as `training.words.terms` has them, each Chinese character a word of its
own, so that English terms match whole words and Chinese ones match anywhere. A term is words in a
row; a `*` at its end lets its last word go on.
"""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.safety.prompts import DATA, FIELD, SafetyError
from training.words import terms

BUILT_IN = DATA / "keywords.toml"
OPENING_WORDS = 40
"""Of an answer, among which a refusal has to begin; each Chinese character is one."""
_Term = Annotated[str, Field(min_length=1, max_length=200)]


class _Refusals(BaseModel):
    model_config = ConfigDict(extra="forbid")
    opens_with: list[_Term] = []


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    keywords: dict[str, list[_Term]]
    refusals: _Refusals = _Refusals()


@dataclass(frozen=True)
class Rules:
    """A file's terms, each as it is looked for → as it is written."""

    sha256: str
    """Of the file."""
    keywords: dict[str, str]
    refusals: dict[str, str]

    def found(self, text: str) -> list[str]:
        """The keywords in a text, each once, in the order of the file."""
        return _found(self.keywords, words_of(text))

    def refuses(self, answer: str) -> bool:
        """Whether an answer begins as refusals do."""
        return bool(_found(self.refusals, words_of(answer)[:OPENING_WORDS]))


def read_rules(path: str | None) -> Rules:
    """The rules in the file `path`, or those that ship with the project. Raises SafetyError."""
    file = BUILT_IN if path is None else Path(path).expanduser()
    try:
        content = file.read_bytes()
        rules = _File.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise SafetyError(f"{FIELD}.keywords: {path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise SafetyError(f"{FIELD}.keywords: {path}: {field}: {first['msg']}.") from error
    except ValueError as error:  # no UTF-8, or no TOML
        raise SafetyError(f"{FIELD}.keywords: {path} is not TOML: {error}.") from error
    keywords = {
        _needle(term): f"{category}: {term}"
        for category, listed in rules.keywords.items()
        for term in listed
    }
    refusals = {_needle(term): term for term in rules.refusals.opens_with}
    return Rules(hashlib.sha256(content).hexdigest(), keywords, refusals)


def words_of(text: str) -> list[str]:
    """What is compared: compatibility forms and case made alike, invisible characters gone."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return terms("".join(each for each in plain if unicodedata.category(each) != "Cf"))


def _needle(term: str) -> str:
    """Between blanks, so that words match whole; a stem lacks the one behind it."""
    words = words_of(term)
    if not words:
        raise SafetyError(f"{FIELD}.keywords: the term “{term}” has no word in it.")
    return f" {' '.join(words)}" + ("" if term.endswith("*") else " ")


def _found(needles: dict[str, str], words: list[str]) -> list[str]:
    hay = f" {' '.join(words)} "
    return [written for needle, written in needles.items() if needle in hay]
