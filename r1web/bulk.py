"""Writes many rows at once, and fields of many rows."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import DateTimeField, Field, JSONField, Model


def save_all(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Write these fields of rows of one model, each as it stands in its object.

    PostgreSQL gets one statement with a list of the rows, which takes it two fifths of the time of
    a statement each; Django's bulk_update chooses among all rows for every row and field.
    """
    if not rows:
        return
    fields = [_field(rows[0], name) for name in names]
    values = [
        [*(_stored(field, row) for field in fields), row.pk]
        for row in sorted(rows, key=lambda row: row.pk)
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_update_from(rows[0], fields, len(values)), list(chain(*values)))
        else:
            cursor.executemany(_update(rows[0], fields), values)


def insert_all(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows with these values, in the order of `names` (`series_id`, not `series`).

    PostgreSQL takes thousands of rows by COPY in the time of a few INSERTs; on either database no
    objects are made, which would take longer than writing them.
    """
    fields = [_column(model, name) for name in names]
    columns = list(zip(*rows, strict=True))
    prepared = list(zip(*map(_prepared, fields, columns), strict=True))
    if not prepared:
        return
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)  # noqa: SLF001 - Django's documented API
    names_of_columns = ", ".join(quote(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Django makes its own errors of a cursor's, but not of those of COPY.
            statement = f"COPY {table} ({names_of_columns}) FROM STDIN"
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                for values in prepared:
                    copy.write_row(values)
            return
        places = ", ".join(["%s"] * len(fields))
        statement = f"INSERT INTO {table} ({names_of_columns}) VALUES ({places})"  # noqa: S608 - as above
        cursor.executemany(statement, prepared)


def _prepared(field: "Field[Any, Any]", values: Sequence[Any]) -> Sequence[object]:
    """As the database takes them; the plain ones need no asking.

    Times and JSON go straight to what knows the database: by way of the field, they would take
    longer than all else of a row.
    """
    ops = connections[DEFAULT_DB_ALIAS].ops
    if isinstance(field, DateTimeField):
        adapt = ops.adapt_datetimefield_value
        return [None if value is None else adapt(value) for value in values]
    if isinstance(field, JSONField):
        adapt_json = partial(ops.adapt_json_value, encoder=field.encoder)
        empty = adapt_json({})  # of most events
        return [
            None if value is None else empty if value == {} else adapt_json(value)
            for value in values
        ]
    return values


def _column(model: type[Model], name: str) -> "Field[Any, Any]":
    found = [f for f in model._meta.concrete_fields if f.attname == name]  # noqa: SLF001 - likewise
    return found[0]


def _update(row: Model, fields: Sequence["Field[Any, Any]"]) -> str:
    quote = connection.ops.quote_name
    changes = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    table = quote(row._meta.db_table)  # noqa: SLF001 - Django's documented API
    return f"UPDATE {table} SET {changes} WHERE id = %s"  # noqa: S608 - names of our own models


def _update_from(row: Model, fields: Sequence["Field[Any, Any]"], count: int) -> str:
    """For that many rows of values, each ending with the key. The first one says the types."""
    quote = connection.ops.quote_name
    names = [quote(str(field.column)) for field in fields]
    changes = ", ".join(f"{name} = new.{name}" for name in names)
    kinds = [*(field.db_type(connection) for field in fields), "bigint"]
    first = ", ".join(f"%s::{kind}" for kind in kinds)
    others = f", ({', '.join(['%s'] * len(kinds))})" * (count - 1)
    table = quote(row._meta.db_table)  # noqa: SLF001 - Django's documented API
    return (
        f"UPDATE {table} SET {changes} FROM (VALUES ({first}){others}) "  # noqa: S608 - as below
        f"AS new ({', '.join([*names, 'id'])}) WHERE {table}.id = new.id"
    )


def _field(row: Model, name: str) -> "Field[Any, Any]":
    field = row._meta.get_field(name)  # noqa: SLF001 - Django's documented API
    assert isinstance(field, Field)  # noqa: S101 - callers name columns, not relations to a row
    return field


def _stored(field: "Field[Any, Any]", row: Model) -> object:
    return field.get_db_prep_save(getattr(row, field.attname), connection)
