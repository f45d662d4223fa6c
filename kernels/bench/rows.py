"""One row of the benchmark: a case measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from kernels.bench.case import Case, Problem, installed
from kernels.bench.measure import Machine, microseconds

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Row:
    op: str
    shape: str
    error: float
    tolerance: float
    cpu_us: float | None = None
    """Of the operation on a CPU, where it is its reference or a path of its own."""
    gpu_us: float | None = None
    rate: float | None = None
    unit: str | None = None
    """TB/s or TFLOP/s: whichever binds, by this machine's own rates."""
    share: float | None = None
    """Of the machine's copy bandwidth or bf16 rate."""
    peers: dict[str, float | str] = field(default_factory=dict)
    """Microseconds on the GPU, or why there are none."""
    target: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            key: NOT_MEASURED if value is None else value for key, value in asdict(self).items()
        }


def measure(case: Case, device: torch.device, machine: Machine) -> Row:
    problem = case.make(device)
    error = problem.error(problem.run())
    row: dict[str, Any] = {"op": case.op, "shape": case.shape, "error": error,
                           "tolerance": case.tolerance, "target": case.target}  # fmt: skip
    row["peers"] = {name: _peer(name, problem, device) for name in problem.peers}
    us = microseconds(problem.run, device)
    if machine.copy_tb_per_s is None or machine.bf16_tflop_per_s is None:
        return Row(**row, cpu_us=us)
    moving, computing = case.bytes / us / 1e6, case.flops / us / 1e6
    shares = moving / machine.copy_tb_per_s, computing / machine.bf16_tflop_per_s
    rate, unit = (moving, "TB/s") if shares[0] > shares[1] else (computing, "TFLOP/s")
    return Row(**row, gpu_us=us, rate=rate, unit=unit, share=max(shares))


def _peer(name: str, problem: Problem, device: torch.device) -> float | str:
    if not installed(name):
        return "not installed"
    if device.type != "cuda":
        return NOT_MEASURED
    try:
        return microseconds(problem.peers[name](), device)
    except Exception as error:  # noqa: BLE001 - other people's code; what went wrong is shown
        torch.cuda.empty_cache()
        return f"failed: {type(error).__name__}: {error}".splitlines()[0]
