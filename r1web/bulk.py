"""Writes fields of many rows at once."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def save_all(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Write these fields of rows of one model, each as it stands in its object.

    One statement, which the database is sent once for all rows: Django's bulk_update builds one
    that grows with rows and fields, and is slower by far.
    """
    if not rows:
        return
    fields = [_field(rows[0], name) for name in names]
    values = [
        [*(_stored(field, row) for field in fields), row.pk]
        for row in sorted(rows, key=lambda row: row.pk)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_update(rows[0], fields), values)


def _update(row: Model, fields: Sequence["Field[Any, Any]"]) -> str:
    quote = connection.ops.quote_name
    changes = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    table = quote(row._meta.db_table)  # noqa: SLF001 - Django's documented API
    return f"UPDATE {table} SET {changes} WHERE id = %s"  # noqa: S608 - names of our own models


def _field(row: Model, name: str) -> "Field[Any, Any]":
    field = row._meta.get_field(name)  # noqa: SLF001 - Django's documented API
    assert isinstance(field, Field)  # noqa: S101 - callers name columns, not relations to a row
    return field


def _stored(field: "Field[Any, Any]", row: Model) -> object:
    return field.get_db_prep_save(getattr(row, field.attname), connection)
