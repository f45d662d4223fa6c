"""Times, and what this machine itself reaches."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch

from kernels.bench.case import Run

FLUSH_BYTES = 1 << 31
"""Written before each repetition: it empties the L2 cache, and while it runs the host gets ahead,
so that launching is not measured."""
REPETITIONS = 20
CPU_SECONDS = 0.2
"""Time for one case on a CPU; it runs once at least."""


@dataclass(frozen=True)
class Machine:
    device: str
    torch: str
    copy_tb_per_s: float | None = None
    """Bytes read and written by the second in a copy of 2 GiB; None without a GPU."""
    bf16_tflop_per_s: float | None = None
    """Of a product of 8192 x 8192 matrices."""


def microseconds(run: Run, device: torch.device) -> float:
    """Median time of `run`, after a warm-up."""
    run()
    return _on_gpu(run, device) if device.type == "cuda" else _on_cpu(run)


def _on_gpu(run: Run, device: torch.device) -> float:
    flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device=device)
    events = []
    for _ in range(REPETITIONS + 3):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        flush.zero_()
        start.record()
        run()
        end.record()
        events.append((start, end))
    torch.cuda.synchronize(device)
    return statistics.median(start.elapsed_time(end) for start, end in events[3:]) * 1e3


def _on_cpu(run: Run) -> float:
    times: list[float] = []
    while not times or (sum(times) < CPU_SECONDS and len(times) < REPETITIONS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def machine(device: torch.device) -> Machine:
    if device.type != "cuda":
        return Machine("CPU", torch.__version__)
    source = torch.zeros(1 << 31, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = microseconds(lambda: target.copy_(source), device)
    a, b = (torch.randn(8192, 8192, dtype=torch.bfloat16, device=device) for _ in range(2))
    product = microseconds(lambda: a @ b, device)
    return Machine(
        torch.cuda.get_device_name(device),
        torch.__version__,
        2 * source.numel() / copy / 1e6,
        2 * 8192**3 / product / 1e6,
    )
