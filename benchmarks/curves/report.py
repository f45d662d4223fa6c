"""What was measured: tables for people, JSON for programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.load.report import machine, table

Found = dict[str, dict[str, Any]]
"""By contender, what each measurement of it gave."""


def as_json(found: Found) -> dict[str, Any]:
    load = [round(x, 1) for x in os.getloadavg()]
    return {"machine": machine(), "load_average": load, "found": found}


def text(told: dict[str, Any]) -> str:
    found, machine_ = told["found"], told["machine"]
    head = (
        f"{machine_['cores']} cores ({machine_['cpu']}), Python {machine_['python']}, load average "
        f"at the end {', '.join(map(str, told['load_average']))}"
    )
    tables = [
        table(("append", "points/s", "slowest to fastest round", "a core's second"), append(found)),
        table(("bytes a point", "noise", "rounded to float32"), stored(found)),
        table(("a line", "points", "ms", "fastest", "bytes", "shown", "spike"), lines(found)),
        table(("overview", "runs × lines × steps", "ms", "fastest"), overviews(found)),
    ]
    return "\n\n".join([head, *tables])


def append(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{median(rates):,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{median(points / worked for points, _, worked in rounds):,.0f}",
        )
        for name, one in found.items()
        if (rounds := one.get("append", {}).get("float64"))
        for rates in [[points / seconds for points, seconds, _ in rounds]]
    ]


def stored(found: Found) -> list[tuple[str, ...]]:
    return [
        (f"{name}: {part}", *(f"{kind[part]:.1f}" for kind in (noise, single)))
        for name, one in found.items()
        if "float32" in (sizes := one.get("bytes", {}))
        for noise, single in [(sizes["float64"], sizes["float32"])]
        for part in noise
    ]


def lines(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{one['line_points']:,}",
            *milliseconds([answer["seconds"] for answer in answers]),
            f"{answers[-1]['bytes']:,}",
            f"{answers[-1]['points']:,}",
            "in" if all(answer["spike"] for answer in answers) else "lost",
        )
        for name, one in found.items()
        if (answers := one.get("line"))
    ]


def overviews(found: Found) -> list[tuple[str, ...]]:
    return [
        (name, " × ".join(f"{n:,}" for n in one["overview_size"]), *milliseconds(seconds))
        for name, one in found.items()
        if (seconds := one.get("overview"))
    ]


def milliseconds(seconds: Sequence[float]) -> tuple[str, str]:
    """Median and least."""
    return f"{1000 * median(seconds):,.1f}", f"{1000 * min(seconds):,.1f}"
