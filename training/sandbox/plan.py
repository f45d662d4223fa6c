"""What the launcher is told: the files of the sandbox, its limits, and the command it runs."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

from training.sandbox.limits import Kind, Limits, SandboxError
from training.sandbox.seccomp import seccomp_filter

LAUNCHER = Path(__file__).with_name("launcher.py")
PROGRAM = "/tmp/main.py"  # noqa: S108 - in the sandbox, where /tmp is its own
_DEVICES = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
_SYSTEM = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"]
_INODES = 1024
_OWN_PROCESSES = 2
"""Launcher and keeper, which count beside the program's where all run as the same user."""


def make_plan(limits: Limits, *, report: int, program: int, kind: Kind) -> dict[str, Any]:
    """`report` and `program` are file descriptors: the pipe to tell on, and the text to run.

    Raises SandboxError for a machine that the sandbox does not know.
    """
    try:
        code = seccomp_filter(os.uname().machine)
    except ValueError as error:
        raise SandboxError(str(error)) from error
    read_only, links = _files()
    plan = {
        "inside": False,
        "parent": os.getpid(),
        "report": report,
        "program": program,
        "program_path": PROGRAM,
        "read_only": read_only,
        "links": links,
        "devices": _DEVICES,
        "disk": limits.disk,
        "inodes": _INODES,
        "filter": code.hex(),
        "limits": _resource_limits(limits),
        "command": [interpreter(), "-s", "-B", "-X", "utf8", PROGRAM],
        "environment": {
            "HOME": "/tmp",  # noqa: S108 - the sandbox's own
            "LANG": "C.UTF-8",
            "MALLOC_ARENA_MAX": "1",  # each arena takes 64 MiB of address space
            "PYTHONHASHSEED": "0",  # the same program gives the same output
        },
    }
    return {**plan, "bubblewrap": _bubblewrap_command(plan) if kind == "bubblewrap" else None}


def interpreter() -> str:
    """The Python that runs this, without the virtual environment around it."""
    return os.path.realpath(sys.executable)


def _files() -> tuple[list[str], dict[str, str]]:
    """Directories and files shown in the sandbox, and symbolic links by path."""
    prefixes = {sys.base_prefix, sys.base_exec_prefix}
    python = [f"{prefix}/{name}" for prefix in sorted(prefixes) for name in ("lib", "lib64")]
    wanted = [*_SYSTEM, *python, interpreter(), "/etc/ld.so.cache"]
    there = [path for path in dict.fromkeys(wanted) if Path(path).exists()]
    links = {path: str(Path(path).readlink()) for path in there if Path(path).is_symlink()}
    return [path for path in there if path not in links], links


def _resource_limits(limits: Limits) -> dict[str, tuple[int, int]]:
    """Soft and hard limit by name; past the soft CPU limit comes SIGXCPU, past the hard SIGKILL."""
    values = {
        "RLIMIT_AS": limits.memory,
        "RLIMIT_NPROC": limits.processes + _OWN_PROCESSES,
        "RLIMIT_FSIZE": limits.file,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    pairs = {name: (value, value) for name, value in values.items()}
    pairs["RLIMIT_CPU"] = (limits.seconds, limits.seconds + 1)
    return {name: _at_most_allowed(name, *pair) for name, pair in pairs.items()}


def _at_most_allowed(name: str, soft: int, hard: int) -> tuple[int, int]:
    """A limit may be lowered by anybody and raised by nobody."""
    allowed = resource.getrlimit(getattr(resource, name))[1]
    if allowed == resource.RLIM_INFINITY:
        return soft, hard
    return min(soft, allowed), min(hard, allowed)


def bubblewrap() -> str | None:
    return shutil.which("bwrap")


def _bubblewrap_command(plan: dict[str, Any]) -> list[str]:
    """The options that make bubblewrap build what the launcher builds by itself otherwise."""
    command = [
        str(bubblewrap()), "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc",
        "--unshare-uts", "--die-with-parent", "--new-session", "--uid", "65534", "--gid", "65534",
    ]  # fmt: skip
    for path in plan["read_only"]:
        command += ["--ro-bind", path, path]
    for path, target in plan["links"].items():
        command += ["--symlink", target, path]
    for path in plan["devices"]:
        command += ["--dev-bind", path, path]
    command += ["--ro-bind", str(LAUNCHER), "/launcher.py"]
    command += ["--perms", "1777", "--size", str(plan["disk"]), "--tmpfs", "/tmp"]  # noqa: S108 - likewise
    command += ["--perms", "0644", "--file", str(plan["program"]), PROGRAM]
    return [*command, "--remount-ro", "/", "--"]
