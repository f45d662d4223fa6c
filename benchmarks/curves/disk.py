"""What the product's database takes on the disk, by what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.apps import apps
from django.db import connection

from r1web.runs.models import Event


def sizes() -> dict[str, int]:
    """Bytes of the tables of metrics, of the table of events, and of everything, indexes included.

    PostgreSQL's after a plain VACUUM, SQLite's when its log is in the file; logs do not count.
    """
    metrics = [table(model) for model in apps.get_app_config("metrics").get_models()]
    if connection.vendor == "postgresql":
        return {
            "metrics": _vacuumed(metrics),
            "events": _vacuumed([table(Event)]),
            "whole database": _one("SELECT pg_database_size(current_database())"),
        }
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {
        "metrics": sum(map(_pages, metrics)),
        "events": _pages(table(Event)),
        "whole database": Path(connection.settings_dict["NAME"]).stat().st_size,
    }


def table(model: type) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's documented API


def _vacuumed(tables: Sequence[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {', '.join(tables)}")
    return sum(_one("SELECT pg_total_relation_size(%s)", name) for name in tables)


def _pages(name: str) -> int:
    return _one(
        "SELECT sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) WHERE tbl_name = %s", name
    )


def _one(query: str, *parameters: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return int(cursor.fetchone()[0])
