"""Parquet files written while they are sent."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def parquet_of(schema: "pa.Schema", tables: "Iterable[pa.Table]") -> Iterator[bytes]:
    """A file of these tables, a group of rows for each; a piece whenever one was written."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - large, and seldom wanted

    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.BytesIO) -> bytes:
    """What was written since; places in the file go on counting from its beginning."""
    piece = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return piece
