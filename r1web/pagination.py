"""Opaque cursors over ordered rows: a page starts after the place where the last one ended."""

import base64
import binascii
import json
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from r1web.errors import InvalidError

MAX_LIMIT = 200

M = TypeVar("M", bound=Model)


def page(
    rows: QuerySet[M], *, order: str, cursor: str | None, limit: int
) -> tuple[list[M], str | None]:
    """One page of `rows` by `order` (a field, "-" before it for falling), ties by falling id.

    Gives the page and the cursor of the next one. Raises InvalidError for a cursor that is not one.
    """
    field, falling = order.removeprefix("-"), order.startswith("-")
    if cursor is not None:
        rows = rows.filter(_after(field, falling, *_decode(cursor, order)))
    found = list(rows.order_by(order, "-pk")[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    return found, _encode(order, getattr(found[-1], field), found[-1].pk) if more else None


def _after(field: str, falling: bool, value: object, pk: int) -> Q:  # noqa: FBT001 - private
    beyond = Q(**{f"{field}__{'lt' if falling else 'gt'}": value})
    return beyond | Q(**{field: value, "pk__lt": pk})


def _encode(order: str, value: object, pk: int) -> str:
    shown = value.isoformat() if isinstance(value, datetime) else value
    packed = json.dumps([order, shown, pk], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(cursor: str, order: str) -> tuple[str | int, int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, value, pk = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise _not_a_cursor() from error
    if made_for != order or not isinstance(value, str | int) or not isinstance(pk, int):
        raise _not_a_cursor()
    return value, pk


def _not_a_cursor() -> InvalidError:
    return InvalidError(
        "This cursor is not one of this list in this order: start again without it.", path="cursor"
    )
