"""Reads the series of runs."""

from r1web.metrics.selectors.columns import Columns
from r1web.metrics.selectors.curves import (
    Metrics,
    attempts_to_pack,
    count_points,
    read_metrics,
    read_runs,
)
from r1web.metrics.selectors.export import exported_csv, exported_parquet
from r1web.metrics.selectors.reader import SeriesColumns, Steps
from r1web.metrics.selectors.told import told_by

__all__ = [
    "Columns",
    "Metrics",
    "SeriesColumns",
    "Steps",
    "attempts_to_pack",
    "count_points",
    "exported_csv",
    "exported_parquet",
    "read_metrics",
    "read_runs",
    "told_by",
]
