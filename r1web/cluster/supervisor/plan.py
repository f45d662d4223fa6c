"""What the trainer is started with: folder, command line, environment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from r1web.cluster.models import Device
from r1web.runs.models import Attempt

SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD", "DATABASE_URL", "REDIS_URL")


def write_config(attempt: Attempt, folder: Path) -> None:
    """Lay down the run's frozen config, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".config.json"
    beside.write_text(json.dumps(attempt.run.config, indent=2), encoding="utf-8")
    beside.replace(folder / "config.json")


def command(attempt: Attempt, folder: Path) -> list[str]:
    """The launcher's command line: from which step the attempt goes on is said, never guessed."""
    resume = str(attempt.start_step) if attempt.checkpoint_id else "none"
    return [*settings.TRAINER_COMMAND, "--run-dir", str(folder), "--resume", resume]


def environment(attempt: Attempt, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`given` without the dashboard's secrets, with the leased devices and their share of cores."""
    kept = {
        name: value
        for name, value in given.items()
        if not any(word in name.upper() for word in SECRET_WORDS)
    }
    devices = list(Device.objects.filter(leases__attempt=attempt, leases__released_at=None))
    gpus = [str(device.index) for device in devices if device.kind == Device.Kind.GPU]
    return kept | {
        "DS_ACCELERATOR": "cuda" if gpus else "cpu",
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
        "OMP_NUM_THREADS": str(_threads(attempt, len(devices))),
        "PYTHONUNBUFFERED": "1",
    }


def _threads(attempt: Attempt, leased: int) -> int:
    """Cores a process: the node's, shared out by device and then by process."""
    if attempt.node is None:
        return 1
    of_node = attempt.node.devices.count()
    processes = int(attempt.run.config["hardware"]["processes"])
    return max(1, attempt.node.cpus * leased // max(1, of_node) // processes)
