"""Conditions in an address: a field, a comparison and a value, such as `reward/mean>=0.5`."""

import re
from dataclasses import dataclass

from r1web.errors import InvalidError

CONDITION = re.compile(r"\s*(?P<field>.+?)\s*(?P<sign>>=|<=|!=|>|<|=)\s*(?P<value>.+?)\s*")


@dataclass(frozen=True)
class Comparison:
    field: str
    sign: str
    """One of = != < <= > >=."""
    value: str


def parse_comparison(text: str) -> Comparison:
    """The parts of a condition. Raises InvalidError at the field "where"."""
    found = CONDITION.fullmatch(text)
    if found is None:
        raise InvalidError(
            f"“{text[:80]}” is not a condition: write a field, one of = != < <= > >=, and a value.",
            path="where",
        )
    return Comparison(found["field"], found["sign"], found["value"])
