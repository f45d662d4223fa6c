"""Every point of a run's series, written one series after the other."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from r1web.metrics.models import Series
from r1web.metrics.selectors.columns import Columns
from r1web.metrics.selectors.curves import named, read_runs
from r1web.metrics.selectors.reader import SeriesColumns, Steps
from r1web.parquet import parquet_of

if TYPE_CHECKING:
    import pyarrow as pa

ALL = 2**62
HEAD = ["name", "step", "time", "value", "superseded_attempt"]


def exported_csv(run_id: int, names: Sequence[str], steps: Steps) -> Iterator[bytes]:
    """A line a point; `superseded_attempt` is empty where the point counts."""
    yield _csv([HEAD])
    for name, columns, attempt in _all(run_id, names, steps):
        rows = zip(
            columns.steps.tolist(), columns.times.tolist(), columns.values.tolist(), strict=True
        )
        yield _csv([name, step, repr(time), repr(value), attempt] for step, time, value in rows)


def exported_parquet(run_id: int, names: Sequence[str], steps: Steps) -> Iterator[bytes]:
    """The same columns, a group of rows for each series."""
    import pyarrow as pa  # noqa: PLC0415 - large, and seldom wanted

    types = [pa.string(), pa.int64(), pa.float64(), pa.float64(), pa.int32()]
    schema = pa.schema(list(zip(HEAD, types, strict=True)))
    return parquet_of(schema, (_table(schema, *part) for part in _all(run_id, names, steps)))


def _all(
    run_id: int, names: Sequence[str], steps: Steps
) -> Iterator[tuple[str, Columns, int | None]]:
    rows = Series.objects.filter(named(names), run=run_id).order_by("name")
    for name in list(rows.values_list("name", flat=True)):
        found = read_runs(run_ids=[run_id], names=[name], steps=steps, max_points=ALL)
        for series in found[run_id].series if run_id in found else []:
            yield from _parts(series)


def _parts(series: SeriesColumns) -> Iterator[tuple[str, Columns, int | None]]:
    yield series.name, series.columns, None
    for attempt, columns in series.superseded:
        yield series.name, columns, attempt


def _csv(rows: Iterator[list[object]] | list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _table(schema: "pa.Schema", name: str, columns: Columns, attempt: int | None) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415 - as above

    count = len(columns.steps)
    attempts = pa.nulls(count, pa.int32()) if attempt is None else np.full(count, attempt, np.int32)
    arrays = [pa.repeat(name, count), columns.steps, columns.times, columns.values, attempts]
    return pa.Table.from_arrays([pa.array(array) for array in arrays], schema=schema)
