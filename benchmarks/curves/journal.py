"""A run's journal as the trainer writes it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.curves.data import Floats, names_of, times_of
from training.events import Event, MetricsEvent, StartedEvent


def write_journal(path: Path, values: Floats) -> None:
    """A start, then a line a step."""
    names, times = names_of(values), times_of(len(values))
    with path.open("wb") as file:
        file.write(_line(_started(len(values))))
        for step, (time_, row) in enumerate(zip(times, values.tolist(), strict=True), 1):
            told = dict(zip(names, row, strict=True))
            file.write(_line(MetricsEvent(seq=step + 1, time=time_, step=step, values=told)))


def _started(steps: int) -> StartedEvent:
    return StartedEvent(
        seq=1,
        time=1_790_000_000.0,
        step=0,
        start_step=0,
        total_steps=steps,
        processes=1,
        device="cpu",
        dtype="fp32",
        parameters=1_000_000,
        versions={"torch": "2"},
    )


def _line(event: Event) -> bytes:
    return event.model_dump_json().encode() + b"\n"
