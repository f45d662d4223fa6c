"""All cases, and how rows are shown."""

from __future__ import annotations

from itertools import chain

import torch
from rich.table import Table

from kernels.bench import decode, fp8, training
from kernels.bench.case import Case
from kernels.bench.measure import Machine
from kernels.bench.rows import NOT_MEASURED, Row

FILES = (decode, training, fp8)


def all_cases(device: torch.device, only: str | None = None) -> list[Case]:
    """In the order of the files; `only` names one operation. ValueError when there is none."""
    chosen = [case for case in chain.from_iterable(file.cases(device) for file in FILES)
              if only in {None, case.op}]  # fmt: skip
    if not chosen:
        names = sorted({case.op for file in FILES for case in file.cases(device)})
        raise ValueError(f"--only {only}: there is no such operation; there are {', '.join(names)}")
    return chosen


def heading(machine: Machine) -> str:
    if machine.copy_tb_per_s is None:
        return (
            f"{machine.device}, torch {machine.torch}. No GPU: the operations ran on the CPU, by "
            f"their references or CPU paths; every figure of a GPU is {NOT_MEASURED}."
        )
    return (
        f"{machine.device}, torch {machine.torch}: copy {machine.copy_tb_per_s:.2f} TB/s, "
        f"bf16 product {machine.bf16_tflop_per_s:.0f} TFLOP/s, both measured now."
    )


def as_table(rows: list[Row]) -> Table:
    on_gpu = any(row.gpu_us is not None for row in rows)
    table = Table(header_style="bold")
    table.add_column("operation", no_wrap=True)
    table.add_column("shape", overflow="fold")
    for column in ("CPU µs", "GPU µs", "rate", "share", "error"):
        table.add_column(column, justify="right", overflow="fold")
    if on_gpu:
        table.add_column("target on an H200")
    table.add_column("peers, GPU µs", overflow="fold")
    for row in rows:
        share = NOT_MEASURED if row.share is None else f"{row.share:.0%}"
        cells = [row.op, row.shape, _number(row.cpu_us), _number(row.gpu_us), _rate(row), share]
        targets = [row.target] if on_gpu else []
        table.add_row(
            *cells, f"{row.error:.1e}", *targets, ", ".join(map(_peer, row.peers.items()))
        )
    return table


def _number(us: float | None) -> str:
    return NOT_MEASURED if us is None else f"{us:,.1f}"


def _rate(row: Row) -> str:
    return NOT_MEASURED if row.rate is None else f"{row.rate:,.3g} {row.unit}"


def _peer(peer: tuple[str, float | str]) -> str:
    name, us = peer
    return f"{name} {us if isinstance(us, str) else _number(us)}"
