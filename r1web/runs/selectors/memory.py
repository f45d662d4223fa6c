"""How much memory a config would take of a device, as far as the web server may know."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.db.models import Count

from r1web.cluster.models import Device
from r1web.cluster.selectors import reachable_nodes
from r1web.runs.models import Checkpoint
from r1web.runs.selectors.details import run_directory
from training.config import DistillStageConfig, Planned, RunConfig, StageKind
from training.config.memory import (
    MemoryEstimate,
    Model,
    UnknownShapeError,
    estimate,
    read_model,
    shipped_model,
)
from training.config.schema.stages import tables_of

UNKNOWN = "The model's shape is known only on the node, so its memory is not estimated here."
Kind = Literal["cpu", "cuda"]


def memory_of(
    config: RunConfig, checkpoint: Checkpoint | None, device_bytes: int | None
) -> MemoryEstimate | None:
    """None for a model that may not be read here: a directory that somebody named is the nodes'
    business, and this answer must not tell what is on the server's disk."""
    kind, size = _device(config)
    found = [
        (stage, estimate(stage.config, stage.model, device=kind, device_bytes=device_bytes or size))
        for stage in known_stages(config, checkpoint)
    ]
    if not found:
        return None
    stage, most = max(found, key=lambda each: each[1].peak_bytes)
    if not config.pipeline:
        return most
    note = f"Of stage {stage.name}, which takes the most."
    return most.model_copy(update={"notes": [note, *most.notes]})


@dataclass(frozen=True)
class KnownStage:
    """A stage as a run of its own, with the model that it trains or reads."""

    name: str
    kind: StageKind
    is_of_pipeline: bool
    config: RunConfig
    model: Model

    def field(self, path: str) -> str:
        """Where the run's config has a field that its own has at `path`."""
        of_stage = self.is_of_pipeline and path.split(".", maxsplit=1)[0] in tables_of(self.kind)
        return f"stages.{self.name}.{path}" if of_stage else path


def known_stages(config: RunConfig, checkpoint: Checkpoint | None) -> list[KnownStage]:
    """Those whose model may be read here, see `memory_of`; of a plain run all of it is one."""
    is_of_pipeline = bool(config.pipeline)
    return [
        KnownStage(each.name, each.kind, is_of_pipeline, config.of_stage(each.name), model)
        for each in config.plan
        if (model := _model_of(config, each, checkpoint)) is not None
    ]


def _model_of(config: RunConfig, planned: Planned, checkpoint: Checkpoint | None) -> Model | None:
    stage = config.stages[planned.name] if config.pipeline else None
    if isinstance(stage, DistillStageConfig):
        return shipped_model(stage.student)
    return _known_model(config, checkpoint)


def _known_model(config: RunConfig, checkpoint: Checkpoint | None) -> Model | None:
    """What is shipped or was trained here; None for all else."""
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
