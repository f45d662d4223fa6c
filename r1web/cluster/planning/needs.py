"""What a run asks for, and what a device is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GPU, CPU = "gpu", "cpu"
GB = 10**9
KINDS = {"auto": (GPU, CPU), "cuda": (GPU,), "cpu": (CPU,)}


@dataclass(frozen=True, slots=True)
class Traits:
    """Devices with the same traits are as good as each other."""

    kind: str
    model: str = ""
    memory_bytes: int = 0
    native_fp8: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """The part of a config's `hardware` table that says where the run may go."""

    processes: int = 1
    device: str = "auto"
    nodes: int = 1
    gpu_model: str = ""
    gpu_memory_gb: float = 0.0
    native_fp8: bool = False
    node_labels: frozenset[str] = frozenset()
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._asked()))

    def _asked(self) -> tuple[object, ...]:
        where = (self.gpu_model, self.gpu_memory_gb, self.native_fp8, self.node_labels)
        return (self.processes, self.device, self.nodes, *where)

    def __hash__(self) -> int:
        """Worked out once: a plan looks needs up by the ten thousand."""
        return self._hash

    @classmethod
    def of(cls, hardware: Mapping[str, Any]) -> "Need":
        """From the table as a run has it frozen; what an older run lacks asks for nothing."""
        return cls(
            processes=hardware.get("processes", 1),
            device=hardware.get("device", "auto"),
            nodes=hardware.get("nodes", 1),
            gpu_model=hardware.get("gpu_model", ""),
            gpu_memory_gb=hardware.get("gpu_memory_gb", 0.0),
            native_fp8=bool(
                hardware.get("dtype") == "fp8" and hardware.get("require_native_fp8", False)
            ),
            node_labels=frozenset(hardware.get("node_labels", ())),
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of device it can use, the better one first."""
        wants_gpu = self.gpu_model or self.gpu_memory_gb or self.native_fp8
        return (GPU,) if wants_gpu else KINDS[self.device]

    @property
    def devices(self) -> int:
        """What it counts for in the queue: the devices it would take where it runs best."""
        return self.total(self.kinds[0])

    def count(self, kind: str) -> int:
        """On each node: one GPU a process, or one CPU slot, whatever the processes."""
        return self.processes // self.nodes if kind == GPU else 1

    def total(self, kind: str) -> int:
        """On all its nodes together."""
        return self.nodes * self.count(kind)

    def accepts(self, device: Traits) -> bool:
        if device.kind == CPU:
            return True
        return (
            self.gpu_model.casefold() in device.model.casefold()
            and device.memory_bytes >= self.gpu_memory_gb * GB
            and (device.native_fp8 or not self.native_fp8)
        )
