"""Configs side by side: what they have in common, and what differs. Pure functions.

Columns are compared, not runs: a thousand configs of a hundred fields take a hundred short loops.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

MISSING = object()
NESTED = {dict, list}


def compared(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """As ConfigsOut describes it, in the order in which configs have their fields.

    Tables become dotted paths, tables of a list are numbered, and an empty one stays a value:

    >>> compared([{"grpo": {"steps": 3}, "sets": [{"name": "a"}], "stop": []}])["common"]
    {'grpo.steps': 3, 'sets.0.name': 'a', 'stop': []}
    """
    found: dict[str, Any] = {"common": {}, "differing": []}
    _compare(configs, "", found)
    return found


def _compare(tables: Sequence[Mapping[Any, Any]], prefix: str, found: dict[str, Any]) -> None:
    for key in dict.fromkeys(chain.from_iterable(tables)):
        column = [table.get(key, MISSING) for table in tables]
        if not NESTED.isdisjoint(map(type, column)):
            below = [_table(value) for value in column]
            _compare(below, f"{prefix}{key}.", found)
            column = [
                MISSING if table else value for table, value in zip(below, column, strict=True)
            ]
        _tell(column, f"{prefix}{key}", found)


def _table(value: Any) -> Mapping[Any, Any]:
    """The fields below a value; none below one that stands for itself."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return dict(enumerate(value))
    return {}


def _tell(column: list[Any], path: str, found: dict[str, Any]) -> None:
    if not _is_same(column):
        found["differing"].append({"path": path, **_encoded(column)})
    elif column[0] is not MISSING:
        found["common"][path] = column[0]


def _is_same(column: list[Any]) -> bool:
    """To Python True is 1; to a config it is not."""
    if column.count(column[0]) < len(column):
        return False
    kinds = set(map(type, column))
    return len(kinds) == 1 or bool not in kinds


def _encoded(column: Sequence[Any]) -> dict[str, list[Any]]:
    places: dict[Any, int] = {}
    values: list[Any] = []
    of: list[int] = []
    for value in column:
        if value is MISSING:
            of.append(-1)
            continue
        plain = isinstance(value, str | int | float | None)
        key = (type(value) is bool, value) if plain else json.dumps(value, sort_keys=True)
        if key not in places:
            places[key] = len(values)
            values.append(value)
        of.append(places[key])
    return {"values": values, "of": of}
