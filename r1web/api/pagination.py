"""Opaque cursors over ordered rows: a page starts after the place where the last one ended."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Query

from r1web.errors import InvalidError

M = TypeVar("M", bound=Model)
Cursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]


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
        raise not_a_cursor() from error
    if not isinstance(values, list) or len(values) != len(types):
        raise not_a_cursor()
    if not all(isinstance(x, _accepted(kind)) for x, kind in zip(values, types, strict=True)):
        raise not_a_cursor()
    return values


def page(
    rows: QuerySet[M], *, order: str, cursor: str | None, limit: int
) -> tuple[list[M], str | None]:
    """One page of `rows` in the order of `in_order`, and the cursor of the next one."""
    found = list(in_order(rows, order=order, cursor=cursor)[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    value = getattr(last, order.removeprefix("-"))
    return found[:limit], cursor_after(order, (last.pk, value))


def in_order(rows: QuerySet[M], *, order: str, cursor: str | None) -> QuerySet[M]:
    """By `order` (a field, "-" before it for falling), ties by falling key, from a cursor on.

    Raises InvalidError for a cursor that is not one of this order.
    """
    field, sign = order.removeprefix("-"), "lt" if order.startswith("-") else "gt"
    if cursor is not None:
        made_for, value, pk = _decode_either(cursor)
        if made_for != order:
            raise not_a_cursor()
        beyond = Q(**{f"{field}__{sign}": value}) | Q(**{field: value, "pk__lt": pk})
        rows = rows.filter(beyond)
    return rows.order_by(order, "-pk")


def cursor_after(order: str, row: tuple[int, Any]) -> str:
    """The cursor of the page that begins after this row, of which the key and the field matter."""
    pk, value = row
    shown = value.isoformat() if isinstance(value, datetime) else value
    return encode_cursor([order, shown, pk])


def _decode_either(cursor: str) -> list[Any]:
    try:
        return decode_cursor(cursor, (str, str, int))
    except InvalidError:
        return decode_cursor(cursor, (str, int, int))


def _accepted(kind: type) -> tuple[type, ...]:
    return (int, float) if kind is float else (kind,)


def not_a_cursor() -> InvalidError:
    """What to raise for a cursor that was made for something else."""
    return InvalidError(
        "This cursor is not one of this list in this order: start again without it.", path="cursor"
    )
