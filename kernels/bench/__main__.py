"""`python -m kernels.bench [--json FILE] [--only OP]`: see docs/kernels.md."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from kernels.bench.measure import machine
from kernels.bench.rows import NOT_MEASURED, measure
from kernels.bench.table import all_cases, as_table, heading

FILE_WIDTH = 160
"""Of the table where it does not go to a terminal."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kernels.bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--only", metavar="OP", help="this operation alone, for example mla_decode")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    messages = Console(stderr=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        cases = all_cases(device, arguments.only)
    except ValueError as error:
        messages.print(str(error), highlight=False)
        return 2
    here = machine(device)
    console.print(heading(here), highlight=False)
    rows = []
    for case in track(cases, console=messages, transient=True, disable=not messages.is_terminal):
        rows.append(measure(case, device, here))
        if device.type == "cuda":
            torch.cuda.empty_cache()
    console.print(as_table(rows))
    if arguments.json:
        about = {
            key: NOT_MEASURED if value is None else value for key, value in asdict(here).items()
        }
        text = {"machine": about, "rows": [row.as_json() for row in rows]}
        arguments.json.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n")
    wrong = [row for row in rows if not row.error < row.tolerance]
    for row in wrong:
        messages.print(
            f"{row.op}, {row.shape}: error {row.error:.1e} is above {row.tolerance:.0e}",
            highlight=False, style="red",
        )  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
