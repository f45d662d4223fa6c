"""Conditions on the values of runs: `reward/mean>=0.5`, `cost_usd<10`, `eval/pass_at_1!=null`."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from r1web.api.where import parse_comparison
from r1web.errors import InvalidError
from r1web.runs.models import LastValue
from r1web.runs.selectors.values import value_name

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne,
    ">": operator.gt, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "=": "exact"}


@dataclass(frozen=True)
class Condition:
    name: str
    sign: str
    number: float | None
    """None: whether there is a value at all."""

    def holds(self, values: Mapping[str, float]) -> bool:
        """For a run with these; a value that is missing compares with nothing."""
        value = values.get(self.name)
        if self.number is None:
            return (value is None) == self.is_missing
        return value is not None and COMPARE[self.sign](value, self.number)

    def narrow(self, runs: set[int]) -> set[int]:
        """Those of the runs that it holds for by what is kept of them."""
        keys = self.keys()
        return runs.difference(keys) if self.is_missing else runs.intersection(keys)

    def keys(self) -> QuerySet[LastValue, int]:
        """Of the runs that it holds for by that; for a missing value, of those that have it."""
        kept = LastValue.objects.filter(name__name=self.name)
        if self.number is not None:
            kept = (
                kept.exclude(value=self.number)
                if self.sign == "!="
                else kept.filter(**{f"value__{LOOKUPS[self.sign]}": self.number})
            )
        return kept.values_list("run", flat=True)

    @property
    def is_missing(self) -> bool:
        return self.number is None and self.sign == "="


def parse_conditions(texts: Sequence[str]) -> list[Condition]:
    """All of them have to hold. Raises InvalidError for one that is not a condition."""
    return [_condition(text) for text in texts]


def _condition(text: str) -> Condition:
    parts = parse_comparison(text)
    name = value_name(parts.field)
    if parts.value == "null" and parts.sign in {"=", "!="}:
        return Condition(name, parts.sign, None)
    try:
        number = float(parts.value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidError(
            f"“{parts.value[:80]}” in “{text[:80]}” is not a number: give one, or null.",
            path="where",
        )
    return Condition(name, parts.sign, number)
