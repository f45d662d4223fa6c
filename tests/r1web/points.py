"""What is stored of a run's series, point by point."""

from r1web.metrics.selectors import read_metrics
from r1web.runs.models import Run

ALL = 10**9


def points_of(run: Run, name: str) -> list[tuple[int, float]]:
    """Step and value of every point, those that count first, then what was superseded."""
    found = read_metrics(run_id=run.pk, names=[name], max_points=ALL).series
    return [
        point
        for series in found
        for columns in (series.columns, *(old for _, old in series.superseded))
        for point in zip(columns.steps.tolist(), columns.values.tolist(), strict=True)
    ]
