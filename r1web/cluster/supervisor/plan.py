"""What the trainer is started with: folder, command line, environment."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from r1web.cluster.models import Device, Follower, PortLease
from r1web.cluster.services import of_rank
from r1web.runs.models import Attempt

SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD", "DATABASE_URL", "REDIS_URL")


def write_config(attempt: Attempt, folder: Path, node_rank: int = 0) -> None:
    """Lay down the run's frozen config, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / of_rank(".config.json", node_rank)
    beside.write_text(json.dumps(attempt.run.config, indent=2), encoding="utf-8")
    beside.replace(folder / "config.json")


def command(part: Attempt | Follower, folder: Path, master_address: str = "") -> list[str]:
    """The launcher's command line: from which step the attempt goes on is said, never guessed."""
    attempt = part.attempt
    resume = str(attempt.start_step) if attempt.checkpoint_id else "none"
    words = [*settings.TRAINER_COMMAND, "--run-dir", str(folder), "--resume", resume]
    rendezvous = rendezvous_of(attempt, master_address)
    if rendezvous is None:
        return words
    return [
        *words,
        "--nodes", str(len(rendezvous.names)),
        "--node-rank", str(part.node_rank),
        "--node-names", ",".join(rendezvous.names),
        "--master-addr", rendezvous.address,
        "--master-port", str(rendezvous.port),
    ]  # fmt: skip


@dataclass(frozen=True)
class Rendezvous:
    """Where the ranks of an attempt on several nodes meet."""

    address: str
    port: int
    names: list[str]
    """Of the nodes, in the order of their ranks."""


def rendezvous_of(attempt: Attempt, master_address: str = "") -> Rendezvous | None:
    """None for an attempt on one node; `master_address` where the leading node's is another."""
    lease = PortLease.objects.filter(attempt=attempt).select_related("node").first()
    if lease is None:
        return None
    followers = Follower.objects.filter(attempt=attempt).select_related("node")
    nodes = [attempt.node, *(follower.node for follower in followers)]
    names = [node.name if node else "?" for node in nodes]
    return Rendezvous(master_address or lease.node.address, lease.port, names)


def environment(part: Attempt | Follower, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`given` without the dashboard's secrets, with what the attempt has leased of the node."""
    kept = {
        name: value
        for name, value in given.items()
        if not any(word in name.upper() for word in SECRET_WORDS)
    }
    devices = list(leased(part))
    gpus = [device.index for device in devices if device.kind == Device.Kind.GPU]
    return kept | {
        "DS_ACCELERATOR": "cuda" if gpus else "cpu",
        "CUDA_VISIBLE_DEVICES": _visible(part, gpus, given),
        "OMP_NUM_THREADS": str(_threads(part, len(devices))),
        "PYTHONUNBUFFERED": "1",
        "TRAINING_JOB": f"attempt-{part.attempt.pk}",
    }


def leased(part: Attempt | Follower) -> QuerySet[Device]:
    """The node's devices that the attempt holds."""
    held = Device.objects.filter(leases__attempt=part.attempt, leases__released_at=None)
    return held.filter(node=part.node)


def _visible(part: Attempt | Follower, leased: Sequence[int], given: Mapping[str, str]) -> str:
    """The leased ones; in a job, those that the system has given it, whichever they are."""
    if part.node is None or not part.node.is_elsewhere or not leased:
        return ",".join(map(str, leased))
    return given.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(len(leased))))


def _threads(part: Attempt | Follower, leased: int) -> int:
    """Cores a process: the node's, shared out by device and then by process."""
    if part.node is None:
        return 1
    of_node = part.node.devices.count()
    hardware = part.attempt.run.config["hardware"]
    processes = int(hardware["processes"]) // int(hardware.get("nodes", 1))
    return max(1, part.node.cpus * leased // max(1, of_node) // processes)
