"""The database's rows as lines of JSON, the same for SQLite and PostgreSQL.

A line `{"model": …, "fields": […]}` begins a table; each list after it is a row.
"""

import json
import math
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import JSONField, Manager, Model

from r1web.operations.backup import BackupError

BATCH = 1000
PASSING = {"sessions.session", "accounts.signinlink", "operations.canary"}
"""What ends with the installation: whoever was signed in signs in again."""
SNAPSHOT = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"}


def migrations() -> list[str]:
    """Those the database has, which say what its tables look like."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def kept_models() -> list[type[Model]]:
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if label(model) not in PASSING]


def label(model: type[Model]) -> str:
    return model._meta.label_lower  # noqa: SLF001 - Django's documented name for it


def _fields(model: type[Model]) -> dict[str, Any]:
    """The columns, by the name of the attribute that holds a row's value."""
    return {field.attname: field for field in model._meta.concrete_fields}  # noqa: SLF001 - likewise


def _all(model: type[Model]) -> Manager[Any]:
    """Every row: a default manager may hide some."""
    return model._base_manager  # noqa: SLF001 - likewise


def dump(file: IO[bytes]) -> dict[str, int]:
    """Write all rows as they are at one moment; how many of each model there are."""
    with _snapshot():
        return {label(model): _dump_model(model, file) for model in kept_models()}


def load(lines: Iterator[bytes]) -> dict[str, int]:
    """Empty all tables and fill them with these rows; call it in a transaction.

    Raises:
        BackupError: the rows are not ones of this database.
    """
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    flush = connection.ops.sql_flush(no_style(), tables, reset_sequences=False, allow_cascade=False)
    with connection.cursor() as cursor:
        _wait_for_files(cursor)
        for statement in flush:
            cursor.execute(statement)
    counts = dict(_load_model(*table) for table in _tables(lines))
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), kept_models()):
            cursor.execute(statement)
    connection.check_constraints()
    return counts


@contextmanager
def _snapshot() -> Iterator[None]:
    """Reads see one moment. Not Django's atomic(): that would lock writers of SQLite out."""
    with connection.cursor() as cursor:
        cursor.execute(SNAPSHOT[connection.vendor])
        _wait_for_files(cursor)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _wait_for_files(cursor: CursorWrapper) -> None:
    """This transaction waits for a disk that may be slow: PostgreSQL is not to give it up."""
    if connection.vendor == "postgresql":
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _dump_model(model: type[Model], file: IO[bytes]) -> int:
    names = list(_fields(model))
    _write(file, {"model": label(model), "fields": names})
    rows = _all(model).order_by("pk")
    count, after = 0, None
    while True:
        page = rows if after is None else rows.filter(pk__gt=after)
        found = list(page.values_list("pk", *names)[:BATCH])
        for _, *values in found:
            _write(file, [_plain(value) for value in values])
        count += len(found)
        if len(found) < BATCH:
            return count
        after = found[-1][0]


def _plain(value: Any) -> Any:
    """As JSON has it; the field reads the rest from text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    return value


def _write(file: IO[bytes], value: Any) -> None:
    file.write(json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n")


Table = tuple[type[Model], list[str], Iterator[list[Any]]]


def _tables(lines: Iterator[bytes]) -> Iterator[Table]:
    """Each table with an iterator over its rows, which is read to its end before the next."""
    known = {label(model): model for model in kept_models()}
    head = next(lines, b"")
    while head:
        begun = json.loads(head)
        if begun["model"] not in known:
            raise BackupError(f"The archive has rows of “{begun['model']}”, not known here.")
        following: list[bytes] = []
        yield known[begun["model"]], begun["fields"], _rows(lines, following)
        head = following[0] if following else b""


def _rows(lines: Iterator[bytes], following: list[bytes]) -> Iterator[list[Any]]:
    """Rows up to the head of the next table, which is left in `following`."""
    for line in lines:
        if line.startswith(b"{"):
            following.append(line)
            return
        yield json.loads(line)


def _load_model(model: type[Model], names: list[str], rows: Iterator[list[Any]]) -> tuple[str, int]:
    fields = _fields(model)
    if set(fields) != set(names):
        raise BackupError(f"The archive's rows of “{label(model)}” have other fields than here.")
    order = [fields[name] for name in names]
    count = 0
    while batch := list(islice(rows, BATCH)):
        values = [map(_read, order, row) for row in batch]
        _all(model).bulk_create(model(**dict(zip(names, row, strict=True))) for row in values)
        count += len(batch)
    return label(model), count


def _read(field: Any, value: Any) -> Any:
    return value if value is None or isinstance(field, JSONField) else field.to_python(value)
