"""Opaque cursors over ordered rows: a page starts after the place where the last one ended."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from r1web.errors import InvalidError

M = TypeVar("M", bound=Model)


def encode_cursor(values: Sequence[str | float]) -> str:
    """An opaque text for the place after the row that has these values."""
    packed = json.dumps(list(values), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(cursor: str, types: tuple[type, ...]) -> list[Any]:
    """The values given to encode_cursor. Raises InvalidError unless they are of these types."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _not_a_cursor() from error
    if not isinstance(values, list) or len(values) != len(types):
        raise _not_a_cursor()
    if not all(isinstance(x, _accepted(kind)) for x, kind in zip(values, types, strict=True)):
        raise _not_a_cursor()
    return values


def page(
    rows: QuerySet[M], *, order: str, cursor: str | None, limit: int
) -> tuple[list[M], str | None]:
    """One page of `rows` by `order` (a field, "-" before it for falling), ties by falling key.

    Gives the page and the cursor of the next one. Raises InvalidError for a cursor that is not one.
    """
    field, sign = order.removeprefix("-"), "lt" if order.startswith("-") else "gt"
    if cursor is not None:
        made_for, value, pk = _decode_either(cursor)
        if made_for != order:
            raise _not_a_cursor()
        beyond = Q(**{f"{field}__{sign}": value}) | Q(**{field: value, "pk__lt": pk})
        rows = rows.filter(beyond)
    found = list(rows.order_by(order, "-pk")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    value = getattr(last, field)
    shown = value.isoformat() if isinstance(value, datetime) else value
    return found[:limit], encode_cursor([order, shown, last.pk])


def _decode_either(cursor: str) -> list[Any]:
    try:
        return decode_cursor(cursor, (str, str, int))
    except InvalidError:
        return decode_cursor(cursor, (str, int, int))


def _accepted(kind: type) -> tuple[type, ...]:
    return (int, float) if kind is float else (kind,)


def _not_a_cursor() -> InvalidError:
    return InvalidError(
        "This cursor is not one of this list in this order: start again without it.", path="cursor"
    )
