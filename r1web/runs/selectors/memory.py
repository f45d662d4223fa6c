"""How much memory a config would take of a device, as far as the web server may know."""

from pathlib import Path
from typing import Literal

from django.db.models import Count

from r1web.cluster.models import Device
from r1web.cluster.selectors import reachable_nodes
from r1web.runs.models import Checkpoint
from r1web.runs.selectors.details import run_directory
from training.config import RunConfig
from training.config.memory import (
    MemoryEstimate,
    Model,
    UnknownShapeError,
    estimate,
    read_model,
    shipped_model,
)

UNKNOWN = "The model's shape is known only on the node, so its memory is not estimated here."
Kind = Literal["cpu", "cuda"]


def memory_of(
    config: RunConfig, checkpoint: Checkpoint | None, device_bytes: int | None
) -> MemoryEstimate | None:
    """None for a model that may not be read here: a directory that somebody named is the nodes'
    business, and this answer must not tell what is on the server's disk."""
    model = known_model(config, checkpoint)
    if model is None:
        return None
    kind, size = _device(config)
    return estimate(config, model, device=kind, device_bytes=device_bytes or size)


def known_model(config: RunConfig, checkpoint: Checkpoint | None) -> Model | None:
    """What is shipped or was trained here; None for all else, see `memory_of`."""
    if checkpoint is None:
        return shipped_model(config.model.path)
    try:
        return read_model(Path(run_directory(checkpoint.run)) / checkpoint.path / "weights")
    except UnknownShapeError:
        return None


def _device(config: RunConfig) -> tuple[Kind, int | None]:
    """What a process would be placed on, and its memory: that of most reachable devices of the
    kind, the larger ones where two sizes are as many. The processes of a CPU node share it."""
    devices = Device.objects.filter(node__in=reachable_nodes(), node__cordoned=False)
    gpus = devices.filter(kind=Device.Kind.GPU)
    wanted = config.hardware.device
    kind: Kind = "cuda" if wanted == "cuda" or (wanted == "auto" and gpus.exists()) else "cpu"
    here = gpus if kind == "cuda" else devices.filter(kind=Device.Kind.CPU)
    sizes = here.filter(memory_bytes__gt=0).values("memory_bytes").annotate(count=Count("id"))
    usual = sizes.order_by("-count", "-memory_bytes").first()
    if usual is None:
        return kind, None
    of_node = config.hardware.processes // config.hardware.nodes
    return kind, usual["memory_bytes"] // (of_node if kind == "cpu" else 1)
