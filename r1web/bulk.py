"""Writes many rows at once, and fields of many rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Field, JSONField, Model

ODD = (DateTimeField, JSONField)
"""Fields whose values a database does not take as they are; the plain ones need no asking."""


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


def insert_all(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows with these values, in the order of `names` (`series_id`, not `series`).

    PostgreSQL takes thousands of rows by COPY in the time of a few INSERTs; on either database no
    objects are made, which would take longer than writing them.
    """
    fields = [_column(model, name) for name in names]
    odd = {place for place, field in enumerate(fields) if isinstance(field, ODD)}
    prepared: list[list[Any]] = [
        [_value(fields[place], value) if place in odd else value for place, value in enumerate(row)]
        for row in rows
    ]
    if not prepared:
        return
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)  # noqa: SLF001 - Django's documented API
    columns = ", ".join(quote(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for values in prepared:
                    copy.write_row(values)
            return
        places = ", ".join(["%s"] * len(fields))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - as above
        cursor.executemany(statement, prepared)


def _value(field: "Field[Any, Any]", value: object) -> object:
    return field.get_db_prep_save(value, connection)


def _column(model: type[Model], name: str) -> "Field[Any, Any]":
    found = [f for f in model._meta.concrete_fields if f.attname == name]  # noqa: SLF001 - likewise
    return found[0]


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
