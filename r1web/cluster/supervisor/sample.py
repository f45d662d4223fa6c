"""How busy the trainer keeps the machine."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from r1web.ledger.energy import Energy


@dataclass
class Sampler:
    """Measures between calls, so it keeps the processes it has seen."""

    gpus: frozenset[int]
    """Indices of the GPUs leased."""
    energy: Energy | None = None
    """What the GPUs took between the last two samples; None when one of them does not tell it."""
    _seen: dict[int, psutil.Process] = field(default_factory=dict)
    _counted: tuple[float, int] | None = None
    """When the GPUs' energy was read last, and what it was, in millijoules."""

    def sample(
        self, processes: Sequence[psutil.Process], loads: Sequence[Mapping[str, Any]]
    ) -> dict[str, float]:
        """Processor time in percent of the whole machine, resident memory in bytes, GPUs.

        `processes` are the trainer's, `loads` those of the node's GPUs.
        """
        members = {process.pid: process for process in processes}
        # A process that was seen before has its own clock to measure from.
        self._seen = {
            pid: before if (before := self._seen.get(pid)) == now else now
            for pid, now in members.items()
        }
        used = [_measure(process) for process in self._seen.values()]
        self._count_energy(loads)
        return {
            "system/cpu_percent": sum(cpu for cpu, _ in used) / (psutil.cpu_count() or 1),
            "system/memory_bytes": float(sum(memory for _, memory in used)),
            **self._gpu_values(loads),
        }

    def _count_energy(self, loads: Sequence[Mapping[str, Any]]) -> None:
        told = [load.get("energy_mj") for load in loads if load["index"] in self.gpus]
        known = [mj for mj in told if mj is not None]
        if not known or len(known) != len(self.gpus):
            self.energy = self._counted = None
            return
        now, total = time.monotonic(), sum(known)
        since, before = self._counted or (now, total)
        self._counted = now, total
        lasted_ms = int((now - since) * 1000) * len(known)
        self.energy = Energy(max(0, total - before), lasted_ms)

    def _gpu_values(self, loads: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        values = {}
        for load in (load for load in loads if load["index"] in self.gpus):
            values[f"system/gpu{load['index']}_percent"] = load["utilization_percent"]
            values[f"system/gpu{load['index']}_memory_bytes"] = float(load["memory_used_bytes"])
        return values


def _measure(process: psutil.Process) -> tuple[float, int]:
    """Percent of one core since the last call, and resident bytes; zeros when it has ended."""
    try:
        with process.oneshot():
            return process.cpu_percent(), process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0.0, 0
