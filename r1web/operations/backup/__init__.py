"""Backup and restore: one archive holds the database's rows and the runs' directories.

An archive is a tar, compressed by gzip. `database.jsonl` has the rows, in a form that SQLite and
PostgreSQL both read; `runs/…` the files; `manifest.json`, the last member, the SHA-256 of the
others and the migrations that the rows belong to.
"""

MANIFEST = "manifest.json"
ROWS = "database.jsonl"


class BackupError(Exception):
    """One sentence that says what is wrong and what to do about it."""
