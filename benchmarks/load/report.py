"""What was measured, beside what is asked for: a table for people, JSON for programs."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import psutil

from benchmarks.load.browsers import Seen
from benchmarks.load.exactness import Exactness
from benchmarks.load.measure import Used
from benchmarks.load.plan import Size
from benchmarks.load.requests import Answers
from benchmarks.load.trainers import Written

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass
class Result:
    size: Size
    written: Written
    seen: Seen
    answers: Answers
    exactness: Exactness
    used: dict[str, Used]
    busy_cores: float
    dropped: int
    complaints: Counter[str]


def quantiles(seconds: list[float]) -> dict[str, float]:
    """In milliseconds; {} without any."""
    ranked = sorted(seconds)
    return {
        name: round(1000 * ranked[max(0, ceil(share * len(ranked)) - 1)], 1)
        for name, share in QUANTILES.items()
        if ranked
    }


def machine() -> dict[str, object]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
    }


def as_json(result: Result) -> dict[str, Any]:
    """Of long lists their quantiles."""
    seconds = result.answers.seconds
    return {
        "machine": machine(),
        "size": asdict(result.size),
        "exactness": asdict(result.exactness),
        "live_ms": quantiles([delay for _, delay in result.seen.delays]),
        "browsers": dict(result.seen.counts),
        "events_never_seen": dict(result.seen.behind),
        "rest_ms": quantiles(every(result.answers)),
        "rest_ms_by_kind": {kind: quantiles(times) for kind, times in sorted(seconds.items())},
        "rest_answers": len(every(result.answers)),
        "rest_errors": dict(result.answers.errors),
        "rest_mb": result.answers.bytes / 1e6,
        "used": {role: asdict(used) for role, used in result.used.items()},
        "busy_cores": result.busy_cores,
        "dropped_messages": result.dropped,
        "journal_mb": result.written.bytes / 1e6,
        "writer_late_ms": quantiles(result.written.late),
        "trainers_died": result.written.died,
        "complaints": dict(result.complaints.most_common(10)),
    }


def every(answers: Answers) -> list[float]:
    return [seconds for times in answers.seconds.values() for seconds in times]


def text(found: dict[str, Any]) -> str:
    """Markdown: what is asked for, who took what, each kind of request, and what else there was."""
    size, machine, browsers = found["size"], found["machine"], found["browsers"]
    tables = [
        (
            f"{size['seconds']} s, {size['trainers']} trainers, {size['browsers']} browsers, "
            f"{size['requests']:g} requests/s on {machine['cores']} cores ({machine['cpu']}), "
            f"{found['busy_cores']:.2f} of them busy"
        ),
        table(("measured", "", "asked for"), measured(found)),
        table(("role", "cores", "MB after a third", "MB at the end", "MB a minute"), roles(found)),
        table(
            ("request", ", ".join(QUANTILES)),
            [(kind, _ms(times)) for kind, times in found["rest_ms_by_kind"].items()],
        ),
        (
            f"Counted in browsers: {browsers}. Messages that the way to them dropped: "
            f"{found['dropped_messages']}. Trainers that died: {found['trainers_died']}."
        ),
        *(f"- {fault}" for fault in found["exactness"]["faults"][:5]),
        *(f"- {count} times in {said}" for said, count in found["complaints"].items()),
    ]
    return "\n\n".join(tables)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def measured(found: dict[str, Any]) -> list[tuple[str, ...]]:
    exact, browsers, names = found["exactness"], found["browsers"], ", ".join(QUANTILES)
    return [
        ("events written, stored", f"{exact['lines']:,}, {exact['events']:,}", "the same"),
        ("points, completions stored", f"{exact['points']:,}, {exact['completions']:,}", ""),
        ("runs with something lost or doubled", str(len(exact["faults"])), "0"),
        ("all stored after the last line", f"{exact['ingested_s']:.1f} s", ""),
        ("browsers: events, bytes", f"{browsers.get('events', 0):,}, {_mb(browsers)}", ""),
        ("events that browsers never got", str(sum(found["events_never_seen"].values())), "0"),
        (f"live delay {names}", _ms(found["live_ms"]), "p95 < 1000 ms"),
        (f"REST {names}", _ms(found["rest_ms"]), "p95 < 200 ms"),
        ("REST answers, errors", f"{found['rest_answers']:,}, {_errors(found)}", "no errors"),
        (f"journals written late by {names}", _ms(found["writer_late_ms"]), ""),
    ]


def roles(found: dict[str, Any]) -> list[tuple[str, ...]]:
    by_cores = sorted(found["used"].items(), key=lambda item: -item[1]["cores"])
    return [
        (
            role,
            f"{used['cores']:.2f}",
            f"{used['first_mb']:,.0f}",
            f"{used['last_mb']:,.0f}",
            f"{used['mb_per_minute']:+.1f}",
        )
        for role, used in by_cores
    ]


def _ms(found: dict[str, float]) -> str:
    return ", ".join(f"{found[name]:,.0f}" for name in QUANTILES if name in found) + " ms"


def _mb(counts: dict[str, int]) -> str:
    return f"{counts.get('bytes', 0) / 1e6:,.0f} MB"


def _errors(found: dict[str, Any]) -> str:
    """By what was wrong; the JSON says of which requests."""
    errors: Counter[str] = Counter()
    for name, count in found["rest_errors"].items():
        errors[name.partition(": ")[2]] += count
    return "; ".join(f"{count} × {error}" for error, count in errors.most_common()) or "none"
