"""Conditions on the values of runs: `reward/mean>=0.5`, `cost_usd<10`, `eval/pass_at_1!=null`."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from r1web.api.where import Comparison, parse_comparison
from r1web.errors import InvalidError
from r1web.runs.models import LastValue
from r1web.runs.selectors.values import keys_of_names, value_name

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne,
    ">": operator.gt, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "=": "exact"}


@dataclass(frozen=True)
class Condition:
    name: str
    key: int | None
    """Of the name; None: no value is kept under it."""
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
        kept = LastValue.objects.filter(name=self.key)
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
    parsed = [(text, parse_comparison(text)) for text in texts]
    keys = keys_of_names(value_name(parts.field) for _, parts in parsed) if parsed else {}
    return [_condition(text, parts, keys) for text, parts in parsed]


def _condition(text: str, parts: Comparison, keys: Mapping[str, int]) -> Condition:
    name = value_name(parts.field)
    key = keys.get(name)
    if parts.value == "null" and parts.sign in {"=", "!="}:
        return Condition(name, key, parts.sign, None)
    try:
        number = float(parts.value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidError(
            f"“{parts.value[:80]}” in “{text[:80]}” is not a number: give one, or null.",
            path="where",
        )
    return Condition(name, key, parts.sign, number)
