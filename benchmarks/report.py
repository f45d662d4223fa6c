"""How a benchmark tells its result: a table for people, JSON for programs."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cpu = torch.cpu.get_capabilities()
    return {
        "cpu": cpu.get("cpu_name", platform.processor()),
        "cores": torch.get_num_threads(),
        "amx_bf16": bool(cpu.get("amx_bf16", False)),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


Turn = Callable[[], float]
"""Does a contender's work once and returns its seconds."""


def timed(work: Callable[[], object]) -> Turn:
    def turn() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return turn


def take_turns(contenders: dict[str, Turn], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each round; the round before the first warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(-1, rounds):
        for name, turn in contenders.items():
            taken = turn()
            if round_number >= 0:
                seconds[name].append(taken)
    return seconds


def compare_best(
    seconds: dict[str, list[float]], unit: str, amount: float, json_path: Path | None
) -> None:
    """`compare` the fastest of those whose name begins with r1web with all others."""
    mine = [name for name in seconds if name.startswith("r1web")]
    best = min(mine, key=lambda name: median(seconds[name]))
    shown = {name: times for name, times in seconds.items() if name == best or name not in mine}
    compare(shown, best, unit, amount, json_path)


def compare(
    seconds: dict[str, list[float]], ours: str, unit: str, amount: float, json_path: Path | None
) -> None:
    """Print and write medians of rounds measured in turn, as `amount` `unit` in so many seconds.

    The ratio is the median over rounds of the best other contender's time over ours in the same
    round, so that a neighbour's load strikes both.
    """
    others = {name: times for name, times in seconds.items() if name != ours}
    best = min(others, key=lambda name: median(others[name]))
    ratios = [theirs / mine for theirs, mine in zip(others[best], seconds[ours], strict=True)]
    rows = {
        name: {"seconds": median(times), "rate": amount / median(times), "rounds": times}
        for name, times in seconds.items()
    }
    print(f"{'':34}{'seconds':>10}{unit + '/s':>14}{'min':>9}{'max':>9}")
    for name, row in rows.items():
        low, high = min(seconds[name]), max(seconds[name])
        print(f"{name:34}{row['seconds']:10.3f}{row['rate']:14,.1f}{low:9.3f}{high:9.3f}")
    print(
        f"{ours} is {median(ratios):.2f} times as fast as {best} (median of {len(ratios)} rounds)"
    )
    if json_path is not None:
        result = {"machine": machine(), "unit": unit, "results": rows, "ratios": ratios,
                  "ratio": median(ratios), "against": best}  # fmt: skip
        json_path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
