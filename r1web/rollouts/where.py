"""Conditions on completions: `reward>=0.5`, `finish_reason=length`, `rewards.format!=null`."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from r1web.api.where import parse_comparison
from r1web.errors import InvalidError
from r1web.rollouts.columns import Array
from r1web.rollouts.packing import FINISH_REASONS, PART, key_of

FIELDS = {
    "step": "step",
    "group": "place",
    "task": "task",
    "difficulty": "difficulty",
    "index": "index",
    "trained": "trained",
    "policy_version": "policy_version",
    "reward": "reward",
    "reward_mean": "reward_mean",
    "advantage": "advantage",
    "length": "length",
    "finish_reason": "finish_reason",
    "logprob_mean": "logprob_mean",
    "entropy_mean": "entropy_mean",
    "parsed": "parsed",
    "reflections": "reflections",
    "other_script": "other_script",
}
"""The column of each name that callers use; parts of the reward are `rewards.NAME`."""
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne,
    ">": operator.gt, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
WORDS = {"true": 1.0, "false": 0.0} | {
    reason: float(number) for number, reason in enumerate(FINISH_REASONS)
}


@dataclass(frozen=True)
class Condition:
    column: str
    sign: str
    value: float | None
    """None: whether there is one at all. Of a task the key."""

    def holds(self, column: Array) -> Array:
        """For which of the values; a value that is missing compares with nothing."""
        if self.value is None:
            return np.isnan(column) if self.sign == "=" else ~np.isnan(column)
        if self.column == "task":
            keys: Array = COMPARE[self.sign](column, self.value)
            return keys
        known = ~np.isnan(column) if self.sign == "!=" else True
        result: Array = COMPARE[self.sign](column, np.float32(self.value)) & known
        return result


def parse_where(texts: Sequence[str]) -> list[Condition]:
    """All of them have to hold. Raises InvalidError for one that is not a condition."""
    return [_condition(text) for text in texts]


def column_of(field: str, *, path: str) -> str:
    """The column that a field is kept in. Raises InvalidError when there is no such field."""
    if field.startswith(PART):
        return field
    if field not in FIELDS:
        names = ", ".join([*FIELDS, PART + "NAME"])
        raise InvalidError(f"There is no field “{field[:80]}”: take one of {names}.", path=path)
    if field == "task" and path != "where":
        raise InvalidError("Tasks are names, not numbers: take another field.", path=path)
    return FIELDS[field]


def matching(conditions: Sequence[Condition], columns: Mapping[str, Array], count: int) -> Array:
    """Which of the `count` completions all conditions hold for."""
    holds = np.ones(count, bool)
    for condition in conditions:
        holds &= condition.holds(columns[condition.column])
    return holds


def _condition(text: str) -> Condition:
    parts = parse_comparison(text)
    column = column_of(parts.field, path="where")
    if column == "task":
        return _task(parts.sign, parts.value)
    if parts.value == "null" and parts.sign in {"=", "!="}:
        return Condition(column, parts.sign, None)
    return Condition(column, parts.sign, _value(parts.value, text))


def _task(sign: str, name: str) -> Condition:
    if sign not in {"=", "!="}:
        raise InvalidError(f"Tasks have no order: write task={name} or task!={name}.", path="where")
    return Condition("task", sign, key_of("" if name == "null" else name))


def _value(word: str, text: str) -> float:
    try:
        return WORDS[word] if word in WORDS else float(word)
    except ValueError as error:
        raise InvalidError(
            f"“{word[:80]}” in “{text[:80]}” is not a number: "
            "give one, or null, true, false, stop or length.",
            path="where",
        ) from error
