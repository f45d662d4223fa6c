"""What this machine has, and how busy it is. Loads no torch."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings

NATIVE_FP8 = (8, 9)
"""Compute capability from which NVIDIA's GPUs multiply E4M3 numbers, as the trainer has it too."""
VERSIONED = ("torch", "deepspeed", "transformers", "triton", "django", "celery")


@dataclass(frozen=True)
class Gpu:
    index: int
    model: str
    memory_bytes: int
    native_fp8: bool


def gpus() -> list[Gpu]:
    """The machine's NVIDIA GPUs; none where there is no driver."""
    import pynvml  # noqa: PLC0415 - see _nvml

    with _nvml() as handles:
        return [
            Gpu(
                index=index,
                model=str(pynvml.nvmlDeviceGetName(handle)),
                memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
                native_fp8=pynvml.nvmlDeviceGetCudaComputeCapability(handle) >= NATIVE_FP8,
            )
            for index, handle in enumerate(handles)
        ]


def gpu_load() -> list[dict[str, Any]]:
    """Utilisation (percent), memory (bytes), temperature (°C) and energy (mJ) of each GPU.

    Energy counts from when the driver was loaded; None where the GPU does not tell it.
    """
    with _nvml() as handles:
        return [_load_of(index, handle) for index, handle in enumerate(handles)]


def machine_load() -> dict[str, Any]:
    """Processors and memory in percent of the whole machine, since the call before."""
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(),
        "memory_percent": memory.percent,
        "memory_used_bytes": memory.total - memory.available,
        "gpus": gpu_load(),
    }


def disk_free_bytes(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free


def versions() -> dict[str, str]:
    """Of the packages that matter to a job, as installed; none of them is imported."""
    found = {}
    for package in VERSIONED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def address() -> str:
    """Where other nodes reach this one: as told, or with what address it calls the broker.

    The host name when the broker is on this machine, or cannot be found now.
    """
    if settings.R1WEB_NODE_ADDRESS:
        return str(settings.R1WEB_NODE_ADDRESS)
    broker = urlsplit(settings.REDIS_URL)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((broker.hostname, broker.port or 6379))  # sends nothing
            own = ip_address(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
    return socket.gethostname() if own.is_loopback else str(own)


@contextmanager
def _nvml() -> Iterator[list[Any]]:
    import pynvml  # noqa: PLC0415 - a large module, and most programs that start here never ask

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield []
        return
    try:
        yield [
            pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())
        ]
    finally:
        pynvml.nvmlShutdown()


def _load_of(index: int, handle: Any) -> dict[str, Any]:
    import pynvml  # noqa: PLC0415 - see _nvml

    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return {
        "index": index,
        "utilization_percent": float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        "memory_used_bytes": int(memory.used),
        "memory_bytes": int(memory.total),
        "temperature_c": float(
            pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
        ),
        "energy_mj": _energy_mj(handle),
    }


def _energy_mj(handle: Any) -> int | None:
    import pynvml  # noqa: PLC0415 - see _nvml

    try:
        return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    except pynvml.NVMLError:  # older than Volta, or only a part of a GPU
        return None
