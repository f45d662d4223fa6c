"""This machine: its disk, GPUs, Python and packages."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from django.conf import settings

from r1web.cluster import hardware
from r1web.local.checks import check_home
from r1web.local.errors import CannotStartError
from r1web.operations.doctor.finding import Finding, fail, ok, warn

GIB = 1024**3
SCARCE_BYTES = 10 * GIB
OLDEST_PYTHON = (3, 11)
NAMED = 5
"""Packages that a finding names before it only counts."""
TORCH = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"
LOCKS = Path(settings.BASE_DIR) / "requirements"


def data_folder() -> Iterator[Finding]:
    home = settings.R1WEB_HOME
    try:
        check_home(home)
    except CannotStartError as error:
        cause, _, advice = str(error).partition(": ")
        yield fail("data folder", cause, advice)
        return
    disk = shutil.disk_usage(home)
    said = f"{home} has {disk.free / GIB:.1f} GiB free of {disk.total / GIB:.0f}"
    if disk.free < SCARCE_BYTES:
        advice = "remove old checkpoints, or set R1WEB_HOME to a larger disk"
        yield warn("data folder", said, advice)
    else:
        yield ok("data folder", said)


def gpus() -> Iterator[Finding]:
    found = hardware.gpus()
    if not found:
        yield ok("gpus", "no NVIDIA GPU here: runs take CPU slots")
        return
    said = ", ".join(f"{gpu.model} {gpu.memory_bytes / GIB:.0f} GiB" for gpu in found)
    seen = _gpus_of_torch()
    if seen == len(found):
        yield ok("gpus", f"{said}; torch sees them")
    else:
        yield fail(
            "gpus",
            f"the driver knows {said}, but torch sees {seen}",
            "install the torch build for CUDA, and look at `nvidia-smi`",
        )


def _gpus_of_torch() -> int:
    """Asked in another process: this one never loads torch."""
    asked = subprocess.run(
        [sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=120, check=False
    )
    answer = asked.stdout.strip()
    return int(answer) if answer.isdecimal() else 0


def python() -> Iterator[Finding]:
    here = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info >= OLDEST_PYTHON:
        yield ok("python", here)
    else:
        yield fail("python", f"{here} is too old", "use Python 3.11 or newer")


def packages() -> Iterator[Finding]:
    for lock, user in (("app.txt", "the dashboard"), ("train.txt", "the trainer")):
        missing, others = compare(LOCKS / lock)
        name = f"packages of {user}"
        if missing:
            yield fail(name, f"missing: {_listed(missing)}", f"install requirements/{lock}")
        elif others:
            yield warn(name, f"not as locked: {_listed(others)}", f"install requirements/{lock}")
        else:
            yield ok(name, f"as in requirements/{lock}")


def compare(lock: Path) -> tuple[list[str], list[str]]:
    """What a lock names and is not installed, and what is installed at another version."""
    missing, others = [], []
    for line in lock.read_text(encoding="utf-8").splitlines():
        pin, _, marker = line.partition("#")[0].partition(";")
        name, _, version = pin.strip().partition("==")
        if not name:
            continue
        try:
            here = metadata.version(name).partition("+")[0]  # +cpu is a build, no other version
        except metadata.PackageNotFoundError:
            if not marker:  # one that not every machine needs
                missing.append(name)
            continue
        if here != version.partition("+")[0]:
            others.append(f"{name} {here} instead of {version}")
    return missing, others


def _listed(words: list[str]) -> str:
    more = len(words) - NAMED
    return ", ".join(words[:NAMED]) + (f" and {more} more" if more > 0 else "")
