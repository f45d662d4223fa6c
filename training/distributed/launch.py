"""The command that starts a job's processes on this node through DeepSpeed's launcher."""

from __future__ import annotations

import base64
import errno
import json
import os
import random
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_ROOT = Path(__file__).resolve().parents[2]
LOCALHOST = "127.0.0.1"
PORTS = range(20_000, 29_000)
"""Below those that systems give to outgoing connections: one of them could sit on the port just
when rank 0 starts to listen."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of a job as one of them sees them. Port 0 takes a free one (one node only)."""

    count: int = 1
    rank: int = 0
    master_address: str = LOCALHOST
    master_port: int = 0
    names: str = ""
    """All of them, divided by commas, for the words in which one is told to be missing."""


@dataclass(frozen=True)
class Launch:
    argv: list[str]
    env: dict[str, str]


def launch(
    run_dir: Path, processes: int, nodes: Nodes, environment: Mapping[str, str], resume: str
) -> Launch:
    """Command and environment for this node; `processes` counts those of all nodes together.

    DeepSpeed's launcher for one node is called straight away: its front, `deepspeed`, would only
    look for hosts and then start this. GPUs are those of CUDA_VISIBLE_DEVICES, as leased.
    """
    here = processes // nodes.count
    devices = _devices(environment, here)
    world = {f"node{rank}": devices for rank in range(nodes.count)}
    port = nodes.master_port or free_port()
    argv = [
        sys.executable, "-m", "deepspeed.launcher.launch",
        "--world_info", base64.urlsafe_b64encode(json.dumps(world).encode()).decode(),
        "--node_rank", str(nodes.rank),
        "--master_addr", nodes.master_address,
        "--master_port", str(port),
        "--log_level", "warning",
        "--no_local_rank",
        "--module", "training", "train", "--run-dir", str(run_dir), "--resume", resume,
    ]  # fmt: skip
    threads = max(1, (os.cpu_count() or 1) // here)
    path = os.pathsep.join(filter(None, (str(_ROOT), environment.get("PYTHONPATH"))))
    defaults = {"OMP_NUM_THREADS": str(threads), **_interfaces(nodes)}
    told = {"PYTHONPATH": path, "NODE_NAMES": nodes.names}
    return Launch(argv, {**defaults, **environment, **told})


def _interfaces(nodes: Nodes) -> dict[str, str]:
    """Where the ranks listen for each other: at the interface that leads to node 0, no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((nodes.master_address, nodes.master_port or 1))  # sends nothing
        except OSError:
            return {}
        own = probe.getsockname()[0]
    found = [
        name
        for name, addresses in psutil.net_if_addrs().items()
        if own in (address.address for address in addresses)
    ]
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")[: 1 if nodes.count == 1 else 2]
    return dict.fromkeys(names, found[0]) if found else {}


def _devices(environment: Mapping[str, str], count: int) -> list[int]:
    leased = environment.get("CUDA_VISIBLE_DEVICES", "")
    if leased and all(part.strip().isdigit() for part in leased.split(",")):
        return [int(part) for part in leased.split(",")][:count]
    return list(range(count))


def free_port() -> int:
    """A port of the loopback interface that is free, and that no outgoing connection gets."""
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOCALHOST, port))
            return port
    raise OSError(errno.EADDRINUSE, f"no port from {PORTS.start} to {PORTS.stop - 1} is free")
