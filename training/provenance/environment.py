"""What a stage runs on and by: code, packages, devices."""

from __future__ import annotations

import platform
import re
import socket
import subprocess
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import training
from training.distributed.process import Process
from training.events import CodeVersion, DeviceCount, Environment

PACKAGES = ("torch", "deepspeed", "transformers", "triton", "reasoning-gym")
_ROOT = Path(training.__file__).parents[1]
_DRIVER = Path("/proc/driver/nvidia/version")


def environment(process: Process) -> Environment | None:
    """Rank 0's; None on the others. All ranks call it together."""
    here = (socket.gethostname(), device_name(process.device))
    counts = Counter(process.gather([here]))
    if not process.is_main:
        return None
    return Environment(
        code=code_version(),
        versions=versions(),
        devices=[
            DeviceCount(node=node, device=device, count=count)
            for (node, device), count in sorted(counts.items())
        ],
    )


def device_name(device: torch.device) -> str:
    """As its maker calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not on Linux
        text = ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of Python, the packages that compute, CUDA and its driver; those that are there."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if torch.version.cuda is not None:
        found["cuda"] = torch.version.cuda
    driver = _driver()
    return {**found, "driver": driver} if driver else found


def _driver() -> str | None:
    try:
        told = re.search(r"Module(?: for \S+)?\s+(\d[\d.]+)", _DRIVER.read_text(encoding="utf-8"))
    except OSError:  # no NVIDIA driver here
        return None
    return told[1] if told else None


@cache
def code_version() -> CodeVersion:
    """As the process found it when it first asked; what is edited later it does not run."""
    text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    number: str = tomllib.loads(text)["project"]["version"]
    if _git("ls-files", "training/__init__.py") is None:
        return CodeVersion(version=number)
    changed = _git("status", "--porcelain", "--", "training", "kernels")
    return CodeVersion(version=number, commit=_git("rev-parse", "HEAD"), dirty=bool(changed))


def _git(*arguments: str) -> str | None:
    """What git says; None where there is no git, no tree of it, or nothing said."""
    command = ["git", "-C", str(_ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
