"""Measures the scan's error on the half of the texts that its rules were not chosen on:
`python -m benchmarks.machine_written.measure TEXTS [rules]`; with `rules`, on the other half.

TEXTS is what `collect` has written: most of it is other people's, so it is not kept here.

Writes training/provenance/scan/known_error.json when it measures, and prints a table.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.grpo.estimates import wilson_interval
from training.provenance.scan import ERROR, is_of_known_kind
from training.provenance.scan.rules import looks_machine_written, points_of


def main() -> None:
    half = sys.argv[2] if len(sys.argv) > 2 else "measured"
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["half"] == half]
    rows = [row for row in rows if is_of_known_kind(row["text"])]
    points = points_of([row["text"] for row in rows])
    seen = [looks_machine_written(each) for each in points]
    for kind in sorted({row["kind"] for row in rows}):
        mine = [found for row, found in zip(rows, seen, strict=True) if row["kind"] == kind]
        _show(kind, mine)
    for machine in (True, False):
        pairs = [each for row, each in zip(rows, points, strict=True) if row["machine"] is machine]
        rules = Counter(name for each in pairs for name in each)
        _show("machine" if machine else "people", list(map(looks_machine_written, pairs)))
        sys.stdout.write(f"  rules: {dict(rules.most_common())}\n")
    if half == "measured":
        ERROR.write_text(json.dumps({"all": _error(rows, seen)}, indent=1) + "\n")


def _show(name: str, found: Sequence[bool]) -> None:
    low, high = wilson_interval(sum(found), len(found))
    share = sum(found) / len(found)
    sys.stdout.write(
        f"{name:14} {sum(found):4} of {len(found):4}: {share:.1%} ({low:.1%} to {high:.1%})\n"
    )


def _error(rows: Sequence[dict[str, Any]], seen: Sequence[bool]) -> dict[str, int]:
    machine = [found for row, found in zip(rows, seen, strict=True) if row["machine"]]
    human = [found for row, found in zip(rows, seen, strict=True) if not row["machine"]]
    return {
        "machine": len(machine), "found": sum(machine),
        "human": len(human), "mistaken": sum(human),
    }  # fmt: skip


if __name__ == "__main__":
    main()
