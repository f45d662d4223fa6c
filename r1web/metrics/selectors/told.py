"""What events told, from the series that keep it."""

from collections.abc import Collection, Iterable

import numpy as np

from r1web.metrics.codec import Bytes, Unpacker, absent, unpack_axes
from r1web.metrics.models import Chunk, Layout, Line, Page, Series

Told = tuple[float, dict[str, float]]
"""Unix time in seconds, and values by name."""


def told_by(run_id: int, seqs: Collection[int]) -> dict[int, Told]:
    """What the run's events of these numbers told, by number."""
    if not seqs:
        return {}
    names = dict(Series.objects.filter(run=run_id).values_list("pk", "name"))
    found = _in_lines(run_id, seqs, names)
    missing = {seq for seq in seqs if seq not in found}
    if missing:
        pages = Page.objects.filter(attempt__run=run_id, level=0).filter(
            first_seq__lte=max(missing), last_seq__gte=min(missing)
        )
        for page in pages:
            found |= _in_page(page, missing, names)
    return found


def _in_lines(run_id: int, seqs: Collection[int], names: dict[int, str]) -> dict[int, Told]:
    layouts = dict(Layout.objects.filter(run=run_id).values_list("pk", "series"))
    lines = Line.objects.filter(attempt__run=run_id, seq__gte=min(seqs), seq__lte=max(seqs))
    return {
        seq: (time, _named(layouts[layout], values, names))
        for seq, time, layout, values in lines.values_list("seq", "time", "layout", "values")
        if seq is not None and seq in seqs
    }


def _named(series: Bytes, values: Bytes, names: dict[int, str]) -> dict[str, float]:
    keys: Iterable[int] = np.frombuffer(series, "<i8").tolist()
    numbers: Iterable[float] = np.frombuffer(values, "<f8").tolist()
    return {names[key]: number for key, number in zip(keys, numbers, strict=True)}


def _in_page(page: Page, seqs: Collection[int], names: dict[int, str]) -> dict[int, Told]:
    unpacker = Unpacker()
    _, times, of_lines = unpack_axes(page.axes, page.items, unpacker)
    found: dict[int, Told] = {
        seq: (float(times[place]), {}) for place, seq in enumerate(of_lines.tolist()) if seq in seqs
    }
    places = {seq: place for place, seq in enumerate(of_lines.tolist()) if seq in found}
    for series, data in Chunk.objects.filter(page=page).values_list("series", "data"):
        (values,) = unpacker.columns(data, ("<f8",), page.items)
        there = ~absent(values)
        for seq, place in places.items():
            if there[place]:
                found[seq][1][names[series]] = float(values[place])
    return found
